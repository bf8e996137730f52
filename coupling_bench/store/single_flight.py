"""One maker a key: any number of processes, on one machine or on several that share a file system.

filelock's lease does the locking: a marker file names its owner (host, process, when that process
began), whose heartbeat renews it. A dead owner's lease is taken over: at once where the process
can be asked for, after ``LEASE_SECONDS`` without a heartbeat where it ran on another machine. On
this machine a process that lives keeps its lease however long it is silent (a laptop that slept,
Ctrl-Z), which is more than a lease promises and is checked here.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
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
    began: float
    """When the process was started, in seconds since the epoch: process ids are used again."""
    since: str
    """When it took the claim, as ISO time."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.since}"

    @property
    def lives_here(self) -> bool:
        """Whether it is a process of this machine that still runs."""
        import psutil

        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.process)
            same = abs(process.create_time() - self.began) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


class Claim:
    """A key that this process alone works at, as long as it holds."""

    def __init__(self, name: str):
        """Say of what it is."""
        self.name = name
        self._lost = threading.Event()

    def lose(self, *_: object) -> None:
        """Note that another process has it now."""
        self._lost.set()

    def check(self) -> None:
        """Go on only while the claim holds.

        Raises:
            LostError: another process has it.
        """
        if self._lost.is_set():
            raise LostError(
                f"store: {self.name}: another process has taken it over, because this one gave no "
                f"sign of life for {LEASE_SECONDS:.0f} s. Nothing of this one is kept; the other's "
                "entry will do."
            )


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
    held = Claim(name)
    lease = SoftFileLease(
        locks / f"{name}.lock", lease_duration=LEASE_SECONDS, on_compromise=held.lose
    )
    while True:
        owner = read_owner(locks, name)
        if owner is None or not owner.lives_here or not (locks / f"{name}.lock").exists():
            with contextlib.suppress(Timeout):
                lease.acquire(timeout=0)
                break
        wait(owner)
        time.sleep(POLL_SECONDS)
    try:
        _owner_file(locks, name).write_text(json.dumps(asdict(_this_process())))
        yield held
    finally:
        with contextlib.suppress(OSError):
            if not held._lost.is_set():
                _owner_file(locks, name).unlink(missing_ok=True)
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

    A process of this machine is asked for; of another machine, a marker is taken for a live
    one's until it is ``LEASE_SECONDS`` old by the file system's own clock.
    """
    marker = locks / f"{name}.lock"
    try:
        age = _file_system_time(locks) - marker.stat().st_mtime
    except FileNotFoundError:
        return False
    owner = read_owner(locks, name)
    if owner is not None and owner.host == socket.gethostname():
        return owner.lives_here
    return age < LEASE_SECONDS


def _this_process() -> Owner:
    import psutil

    return Owner(
        host=socket.gethostname(),
        process=os.getpid(),
        began=psutil.Process().create_time(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


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
