"""One maker a key: any number of processes, on one machine or on several that share a file system.

filelock's lease does the locking: a marker file names its owner (host, process, when that process
began), whose heartbeat renews it. A dead owner's lease is taken over: at once where the process
can be asked for, after ``LEASE_SECONDS`` without a heartbeat where it ran on another machine. On
this machine a process that lives keeps its lease however long it is silent (a laptop that slept,
Ctrl-Z), which is more than a lease promises and is checked here.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

LEASE_SECONDS = 60.0
"""Without a heartbeat for so long, an owner on another machine counts as dead. All machines that
share a store must agree on it."""
POLL_SECONDS = 0.2


class LostError(OSError):
    """Another process has taken a claim over, because this one was silent for too long."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The process that holds a claim."""

    host: str
    process: int
    system: str
    """The running system that process ids are of: its boot and its name space of processes."""
    began: str
    """When the process was started, by a clock that nobody sets: ids are used again."""
    since: str
    """When it took the claim, as ISO time."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.since}"

    @property
    def lives(self) -> bool | None:
        """Whether the process still runs; None where this one cannot know: on another system."""
        if (self.host, self.system) != (socket.gethostname(), _system()):
            return None
        return _began(self.process) == self.began


class Claim:
    """A key that this process alone works at, as long as it holds."""

    def __init__(self, locks: Path, name: str):
        """Hold ``name``, whose marker lies in ``locks``."""
        self.name = name
        self._locks, self._mine = locks, _this_process()
        self._lost = threading.Event()

    def note(self) -> None:
        """Write down who holds it."""
        _owner_file(self._locks, self.name).write_text(json.dumps(asdict(self._mine)))

    def lose(self, *_: object) -> None:
        """Note that the heart could not beat, or found another one's marker."""
        self._lost.set()

    def check(self) -> None:
        """Go on only while the claim holds.

        A heart that failed is no loss as long as the note is ours: whoever takes over writes his.

        Raises:
            LostError: another process has it.
        """
        owner = read_owner(self._locks, self.name)
        if owner == self._mine or (owner is None and not self._lost.is_set()):
            return
        raise LostError(
            f"{owner or 'another process'} has taken it over, because this process gave no sign "
            f"of life for {LEASE_SECONDS:.0f} s. What this one has made is left to it."
        )

    def release(self) -> None:
        """Take the note away, if it is still ours."""
        with contextlib.suppress(OSError):
            if read_owner(self._locks, self.name) == self._mine:
                _owner_file(self._locks, self.name).unlink(missing_ok=True)


@contextlib.contextmanager
def claim(locks: Path, name: str, wait: Callable[[Owner | None], None]) -> Iterator[Claim]:
    """Hold ``name`` alone; wait for whoever holds it before.

    Args:
        locks: folder of the markers.
        name: of the key.
        wait: called again and again while another process holds it, with that process if it is
            known; may raise to stop waiting.

    Raises:
        OSError: the folder cannot be written to.
    """
    from filelock import SoftFileLease, Timeout

    locks.mkdir(parents=True, exist_ok=True)
    held, marker = Claim(locks, name), locks / f"{name}.lock"
    lease = SoftFileLease(marker, lease_duration=LEASE_SECONDS, on_compromise=held.lose)
    while True:
        owner = read_owner(locks, name)
        if owner is None or not owner.lives or not marker.exists():
            with contextlib.suppress(Timeout):
                lease.acquire(timeout=0)
                break
        wait(owner)
        time.sleep(POLL_SECONDS)
    try:
        held.note()
        yield held
    finally:
        held.release()
        with contextlib.suppress(OSError):  # a store that has vanished holds no lock any more
            lease.release()


def read_owner(locks: Path, name: str) -> Owner | None:
    """Return who has written down that it holds ``name``, whether it lives or not."""
    try:
        return Owner(**json.loads(_owner_file(locks, name).read_text()))
    except (OSError, ValueError, TypeError):  # none, or one that is just being written
        return None


def in_progress(locks: Path, name: str) -> bool:
    """Say whether somebody may be at work on ``name``: it is left alone then.

    A process of this system is asked for. Of another one, a marker is taken for a live one's until
    it is ``LEASE_SECONDS`` old by the file system's own clock.
    """
    owner, marker = read_owner(locks, name), locks / f"{name}.lock"
    lives = owner.lives if owner is not None and marker.exists() else None
    if lives is not None:
        return lives
    try:
        return _file_system_time(locks) - marker.stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False


def _this_process() -> Owner:
    return Owner(
        host=socket.gethostname(),
        process=os.getpid(),
        system=_system(),
        began=_began(os.getpid()) or "",
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@functools.cache
def _system() -> str:
    """Return what tells this boot, and this container, from others of the same host name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux
        return sys.platform


def _began(process: int) -> str | None:
    """Return when a process of this system was started, or None if there is none, or a dead one."""
    import psutil

    try:
        found = psutil.Process(process)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        # In ticks since the boot: psutil adds a boot time to them that moves with the clock.
        stat = Path(f"/proc/{process}/stat")
        if stat.exists():
            return stat.read_text().rpartition(")")[2].split()[19]
        return f"{found.create_time():.0f}"
    except (psutil.Error, OSError):
        return None


def _owner_file(locks: Path, name: str) -> Path:
    return locks / f"{name}.json"


def _file_system_time(folder: Path) -> float:
    """Return what a file that is written now is dated, which need not be this machine's time."""
    probe = folder / f"now-{os.getpid()}-{threading.get_ident()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
