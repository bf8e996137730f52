"""Content-addressed folders: one for each spec, written once, read by everybody.

An entry is made in a folder of its own beside its place, its manifest is written last, and the
folder is then renamed: a folder without a manifest is never read. What a killed attempt has left
goes to the next one, which may go on from it. One lease a key (``single_flight.py``) lets any
number of processes ask for the same entry while one of them makes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from coupling_bench import progress
from coupling_bench.fingerprint import address
from coupling_bench.specs import Spec
from coupling_bench.store.attempts import FAILED, FAILURE, TRASH, UNFINISHED, WORK, Attempt
from coupling_bench.store.entries import MANIFEST, DamagedError, Entry, read, write_durably
from coupling_bench.store.single_flight import Claim, LostError, Owner, claim

__all__ = [
    "FAILED",
    "FAILURE",
    "MANIFEST",
    "TRASH",
    "UNFINISHED",
    "WORK",
    "DamagedError",
    "Entry",
    "Store",
    "default_root",
]

LOCKS, DAMAGED, USES = "locks", "damaged", "uses"
SAID_AGAIN = 60.0
"""Seconds after which one that waits says so again."""
UNKNOWN_FOR = 2.0
"""Seconds for which one that has just taken a key may not have said yet who it is."""
LEAST_FREE = 2**16
"""Bytes; with less left, whatever failed did so for want of space."""
_seen: set[Path] = set()
"""Stores that this process has used: one that is gone now has vanished, and is not made anew."""


class Store:
    """A folder of entries, each addressed by the fingerprint of the spec that made it."""

    def __init__(self, root: Path, *, known: bool = False):
        """Use ``root``, which need not exist yet unless ``known``: others of this run use it."""
        self.root = Path(root)
        if known:
            _seen.add(self.root)
        self._checked: set[Path] = set()

    def create(self) -> None:
        """Make the store if it is not there yet: from now on, one that is gone has vanished."""
        (self.root / LOCKS).mkdir(parents=True, exist_ok=True)
        _seen.add(self.root)

    def folder(self, spec: Spec) -> Path:
        """Return the place of ``spec``'s entry, whether it exists or not."""
        return self.root / address(spec)

    def find(self, spec: Spec) -> Entry | None:
        """Return the finished entry of ``spec``, or None; its files are not looked at.

        An entry whose manifest is damaged is set aside.

        Raises:
            ValueError: the entry was written by another version.
        """
        return self._find(spec, None)

    def _find(self, spec: Spec, held: Claim | None) -> Entry | None:
        try:
            return read(self.folder(spec), spec)
        except DamagedError:
            return self._set_aside(spec, held)

    def holds(self, spec: Spec, leave_out: str | None = None) -> bool:
        """Say whether there is an entry of ``spec`` and it is whole; a damaged one is set aside.

        Each entry is compared with its manifest once in the life of this object.
        """
        entry = self.find(spec)
        if entry is None or entry.folder in self._checked:
            return entry is not None
        try:
            entry.check(leave_out)
        except DamagedError:
            return self._set_aside(spec, None) is not None
        if leave_out is None:
            self._checked.add(entry.folder)
        return True

    def get(self, spec: Spec, leave_out: str | None = None) -> Entry:
        """Return the finished entry of ``spec``, compared with its manifest.

        Args:
            spec: what it is of.
            leave_out: a folder of it that is not going to be read, and not compared.

        Raises:
            FileNotFoundError: there is none, or it was damaged.
        """
        entry = self.find(spec) if self.holds(spec, leave_out) else None
        if entry is None:
            self._check_root()
            raise FileNotFoundError(
                f"store: no entry {address(spec)} in {self.root}. Make it with: pytest suites"
            )
        with contextlib.suppress(OSError):
            os.utime(entry.folder / MANIFEST)  # when it was used last, for gc
        return entry

    def failure(self, spec: Spec) -> Path:
        """Return where it is kept why the latest attempt at ``spec`` failed, if it did."""
        return self.root / FAILED / address(spec)

    def get_or_make(self, spec: Spec, make: Callable[[Path], dict[str, Any]]) -> tuple[Entry, bool]:
        """Return the entry of ``spec`` and whether this call made it.

        Args:
            spec: what the entry is of.
            make: writes the entry's files into the folder it is given and returns its facts. The
                folder is empty, or is that of an attempt which was killed and left ``UNFINISHED``
                in it. Whatever it raises passes through; nothing is stored but the failure.

        Raises:
            OSError: the store cannot be written to, is full, or has vanished.
        """
        while True:
            found = self.find(spec)
            if found is not None:
                return found, False
            self._check_root()
            try:
                with claim(self.root / LOCKS, address(spec), _Waiting(spec)) as held:
                    found = self._find(spec, held)  # another may have made it while we waited
                    if found is not None:
                        return found, False
                    return self._make(spec, make, held)
            except LostError as error:  # look again: what the other one makes will do
                _say(spec, str(error))
            except OSError as error:
                told = self._told(spec, error)
                if told is error:
                    raise
                raise told from error

    @contextlib.contextmanager
    def in_use(self, addresses: Iterable[str]) -> Iterator[None]:
        """Keep entries from being removed (``gc``) while a run needs them, made yet or not.

        A store that may only be read cannot be told, and nothing is removed from it either.
        """
        name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        file = self.root / USES / f"{name}.txt"
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                write_durably(file, "\n".join(addresses))  # it counts from the claim on
                stack.enter_context(claim(self.root / USES, name, lambda owner: None))
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)

    def _make(
        self, spec: Spec, make: Callable[[Path], dict[str, Any]], held: Claim
    ) -> tuple[Entry, bool]:
        _seen.add(self.root)
        attempt = Attempt(self.root, spec, held)
        whole = attempt.adopt()
        if whole is not None:
            return whole, False
        started = time.monotonic()
        try:
            facts = make(attempt.open())
            held.check()
            entry = attempt.publish(facts, time.monotonic() - started)
        except Exception as error:
            held.check()  # if it is lost, so is the folder, and that is all that went wrong
            told = self._told(spec, error)  # now: a full disk is one only until this is cleaned up
            with contextlib.suppress(OSError):
                attempt.keep_failure(error)
            if told is error:
                raise
            raise told from error
        finally:
            attempt.close()
        shutil.rmtree(self.failure(spec), ignore_errors=True)
        return entry, True

    def _set_aside(self, spec: Spec, held: Claim | None) -> Entry | None:
        """Move a damaged entry away, unless it has been made anew meanwhile; say what it was.

        Args:
            spec: what it is of.
            held: the claim on it, if this process has it already.
        """
        folder = self.folder(spec)
        aside = self.root / DAMAGED / f"{folder.name}-{uuid.uuid4().hex[:8]}"
        mine = claim(self.root / LOCKS, folder.name, _Waiting(spec))
        try:
            with contextlib.nullcontext() if held else mine:
                try:
                    entry = read(folder, spec)
                    if entry is not None:
                        entry.check()
                    return entry
                except DamagedError as error:
                    aside.parent.mkdir(exist_ok=True)
                    os.replace(folder, aside)
                    _say(spec, f"damaged: {error}. It is set aside as {aside}, and made again.")
        except OSError as error:
            told = self._told(spec, error)
            if told is error:
                raise
            raise told from error
        return None

    def _check_root(self) -> None:
        there = any((self.root / name).is_dir() for name in (LOCKS, USES))  # an empty mount is not
        if self.root in _seen and not there:
            raise FileNotFoundError(
                f"store: {self.root} has vanished (unmounted, or deleted). What was in it is not "
                "made anew behind your back: bring it back and run again, or name another store: "
                "--store FOLDER"
            )

    def _told(self, spec: Spec, error: Exception) -> Exception:
        """Return a failure of the store's file system in words; any other as it is."""
        self._check_root()
        name, again = address(spec), "Finished stages are kept; run again."
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT) or self._is_full(error):
            return OSError(
                f"store: no space left for {name} in {self.root}. Free some (coupling-bench store "
                f"gc --max-size 10G) or name another store (--store FOLDER). {again}"
            )
        if isinstance(error, OSError) and number in (errno.EROFS, errno.EACCES, errno.EPERM):
            where = Path(os.fsdecode(error.filename or ""))
            if self.root in (where, *where.parents):
                return OSError(
                    f"store: {name} has to be made, and {self.root} cannot be written to "
                    f"({error.strerror}). Name another store: --store FOLDER"
                )
        return error

    def _is_full(self, error: Exception) -> bool:
        """Say whether the disk is full, of which libraries have errors of their own."""
        if os.strerror(errno.ENOSPC) in str(error):
            return True
        try:
            return shutil.disk_usage(self.root).free < LEAST_FREE
        except OSError:
            return False


class _Waiting:
    """Says for whom a process waits: at once, and now and then again."""

    def __init__(self, spec: Spec):
        self._spec = spec
        self._next = time.monotonic()

    def __call__(self, owner: Owner | None) -> None:
        now = time.monotonic()
        introducing = owner is None and now - self._next < UNKNOWN_FOR
        if now < self._next or introducing:
            return
        self._next = now + SAID_AGAIN
        whom = str(owner) if owner else "another process"
        _say(self._spec, f"it is being made by {whom}; waiting for it.")


def _say(spec: Spec, text: str) -> None:
    progress.tell(progress.Progress(address=address(spec), step=0, total=0, note=text))


def default_root() -> Path:
    """Return the store to use where none is named: the environment's, else the user's cache."""
    named = os.environ.get("COUPLING_BENCH_STORE")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "coupling_bench"
