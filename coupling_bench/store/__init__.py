"""Content-addressed folders: one for each spec, written once, read by everybody.

An entry is made in a folder of its own beside its place, its manifest is written last, and the
folder is then renamed: a folder without a manifest is never read. What a killed attempt has left
goes to the next one, which may go on from it. One lease a key (``single_flight.py``) lets any
number of processes ask for the same entry while one of them makes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import shutil
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from coupling_bench import environment, progress
from coupling_bench.fingerprint import address, canonical
from coupling_bench.specs import AnyModel, Spec
from coupling_bench.store.entries import (
    MANIFEST,
    SCHEMA,
    DamagedError,
    Entry,
    files_of,
    read,
    sha256,
    sync,
    write_durably,
)
from coupling_bench.store.single_flight import Claim, Owner, claim

__all__ = ["FAILURE", "MANIFEST", "UNFINISHED", "DamagedError", "Entry", "Store", "default_root"]

UNFINISHED = "unfinished"
"""Folder in which a maker keeps what lets the next attempt go on; it is no part of the entry."""
LOCKS, FAILED, DAMAGED, USES = "locks", "failed", "damaged", "uses"
WORK = "work-"
"""How the folders begin in which entries are made. They lie beside the entries, so that links from
one to another mean the same before and after the folder gets its place."""
FAILURE = "failure.json"
LOG = "stage.log"
"""What a maker printed; it stays with a failure."""
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

    def __init__(self, root: Path):
        """Use ``root``, which need not exist yet."""
        self.root = Path(root)
        self._checked: set[Path] = set()

    def folder(self, spec: Spec) -> Path:
        """Return the place of ``spec``'s entry, whether it exists or not."""
        return self.root / address(spec)

    def find(self, spec: Spec) -> Entry | None:
        """Return the finished entry of ``spec``, or None; its files are not looked at.

        An entry whose manifest is damaged is set aside.

        Raises:
            ValueError: the entry was written by another version.
        """
        try:
            return read(self.folder(spec), spec)
        except DamagedError:
            return self._set_aside(spec)

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
            return self._set_aside(spec) is not None
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
        found = self.find(spec)
        if found is not None:
            return found, False
        self._check_root()
        try:
            with claim(self.root / LOCKS, address(spec), _Waiting(spec)) as held:
                found = self.find(spec)  # another process may have made it while we waited
                if found is not None:
                    return found, False
                return self._make(spec, make, held), True
        except OSError as error:
            raise self._told(spec, error) from error

    @contextlib.contextmanager
    def in_use(self, addresses: Iterable[str]) -> Iterator[None]:
        """Keep entries from being removed (``gc``) while a run needs them, made yet or not.

        A store that may only be read cannot be told, and nothing is removed from it either.
        """
        name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(claim(self.root / USES, name, lambda owner: None))
                write_durably(self.root / USES / f"{name}.txt", "\n".join(addresses))
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    (self.root / USES / f"{name}.txt").unlink(missing_ok=True)

    def _make(self, spec: Spec, make: Callable[[Path], dict[str, Any]], held: Claim) -> Entry:
        _seen.add(self.root)
        work = self._work(spec)
        started = time.monotonic()
        try:
            facts = make(work)
            held.check()
            entry = self._publish(spec, work, facts, time.monotonic() - started)
        except Exception as error:
            told = self._told(spec, error)  # now: a full disk is one only until this is cleaned up
            with contextlib.suppress(OSError):
                self._keep_failure(spec, work, error)
            if told is error:
                raise
            raise told from error
        finally:
            if not (work / UNFINISHED).is_dir():
                shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(self.root / FAILED / address(spec), ignore_errors=True)
        return entry

    def _work(self, spec: Spec) -> Path:
        """Return the folder to work in: that of an attempt which can be gone on with, or none's.

        It has a name of its own for each attempt, so that one that was taken for dead and is not
        writes nowhere.
        """
        mine = f"{WORK}{address(spec)}-"
        folder = self.root / f"{mine}{uuid.uuid4().hex[:8]}"
        earlier = sorted(self.root.glob(f"{mine}*"), key=lambda path: path.stat().st_mtime)
        usable = [path for path in earlier if (path / UNFINISHED).is_dir()]
        if usable:
            os.replace(usable[-1], folder)
        else:
            folder.mkdir()
        for path in earlier:
            shutil.rmtree(path, ignore_errors=True)
        return folder

    def _publish(self, spec: Spec, work: Path, facts: dict[str, Any], seconds: float) -> Entry:
        """Write the manifest and give the folder its place, so that a power loss leaves no half."""
        shutil.rmtree(work / UNFINISHED, ignore_errors=True)
        digests = {}
        for path in files_of(work):
            digests[path.relative_to(work).as_posix()] = sha256(path)
            sync(path)
        manifest = {
            "schema": SCHEMA,
            "address": address(spec),
            "spec": canonical(spec),
            "model": _model_name(spec),
            "facts": facts,
            "seconds": round(seconds, 3),
            "files": digests,
            "environment": environment.describe(),
        }
        write_durably(work / MANIFEST, json.dumps(manifest, indent=1))
        sync(work)
        folder = self.folder(spec)
        if folder.exists():  # without a manifest: find() said so under the same claim
            shutil.rmtree(folder)
        os.replace(work, folder)
        sync(self.root)
        return Entry(folder=folder, manifest=manifest)

    def _keep_failure(self, spec: Spec, work: Path, error: Exception) -> None:
        """Keep why an attempt failed, for people: it is no entry, and the next one tries again."""
        folder = self.root / FAILED / address(spec)
        folder.parent.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        failure = {
            "address": address(spec),
            "spec": canonical(spec),
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exception(error),
            "environment": environment.describe(),
        }
        write_durably(folder / FAILURE, json.dumps(failure, indent=1))
        if (work / LOG).is_file():
            shutil.copyfile(work / LOG, folder / LOG)

    def _set_aside(self, spec: Spec) -> Entry | None:
        """Move a damaged entry away, unless it has been made anew meanwhile; say what it was."""
        folder = self.folder(spec)
        aside = self.root / DAMAGED / f"{folder.name}-{uuid.uuid4().hex[:8]}"
        try:
            with claim(self.root / LOCKS, folder.name, _Waiting(spec)):
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
            raise self._told(spec, error) from error
        return None

    def _check_root(self) -> None:
        if self.root in _seen and not self.root.is_dir():
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


def _model_name(value: Any) -> str | None:
    """Return what users call the model that a spec descends from, which is no part of it."""
    inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
    for one in inner:
        if isinstance(one, AnyModel):
            return one.name
    names = (_model_name(one) for one in inner if dataclasses.is_dataclass(one))
    return next((name for name in names if name is not None), None)


def _say(spec: Spec, text: str) -> None:
    progress.tell(progress.Progress(address=address(spec), step=0, total=0, note=text))


def default_root() -> Path:
    """Return the store to use where none is named: the environment's, else the user's cache."""
    named = os.environ.get("COUPLING_BENCH_STORE")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "coupling_bench"
