"""A stage in a process of its own, which is killed at a moment of choice.

Processes are forked from a server that has imported all stages and run none of them, so that each
begins at once. It is started with the first call and ends with the process that called.
"""

import multiprocessing
import os
import signal as signals
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from coupling_bench.fingerprint import address
from coupling_bench.specs import Spec
from coupling_bench.store import Store

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.killing_preload"])
PATIENCE = 600.0
"""Seconds after which an attempt that does not end counts as stuck."""


@dataclass(frozen=True)
class Outcome:
    """What has become of an attempt."""

    finished: bool
    """Whether the entry is in the store."""
    killed: bool
    """Whether the signal ended the process."""
    step: int
    """The last step that it told of; 0: none."""
    seconds: float
    """From when it began to make the stage until its process ended."""
    notes: tuple[str, ...]
    """Sentences that it told the user, as where it resumes."""


def run_and_kill(
    spec: Spec,
    root: Path,
    *,
    after_seconds: float | None = None,
    at_step: int | None = None,
    signal: int = signals.SIGKILL,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Make ``spec`` in the store at ``root``, its parent being there, and kill the process.

    Args:
        spec: of the stage.
        root: of the store.
        after_seconds: when to send the signal, counted from when the stage is begun.
        at_step: or when the process sends it to itself: as it tells of this step, before it may
            write a checkpoint of it. Neither: never.
        signal: which.
        environment: variables of the process, beside those of the first call.

    Raises:
        RuntimeError: the process ended by itself with an error, or did not end.
    """
    here, there = _server.Pipe(duplex=False)
    process = _server.Process(
        target=_make, args=(spec, root, at_step, signal, dict(environment or {}), there)
    )
    process.start()
    there.close()
    heard = _Heard(here)
    heard.listen(until=heard.begun)
    began = time.monotonic()
    if after_seconds is not None:
        heard.listen(until=lambda: time.monotonic() - began >= after_seconds)
        if process.is_alive():
            os.kill(process.pid, signal)
    deadline = began + PATIENCE
    heard.listen(until=lambda: time.monotonic() > deadline)
    process.join(max(0.0, deadline - time.monotonic()))
    seconds = time.monotonic() - began
    if process.exitcode not in (0, -signal):
        process.kill()
        raise RuntimeError(
            f"{address(spec)}: its process ended with {process.exitcode}; its output says why."
        )
    return Outcome(
        finished=Store(root).find(spec) is not None,
        killed=process.exitcode == -signal,
        step=heard.step,
        seconds=seconds,
        notes=tuple(heard.notes),
    )


class _Heard:
    """What a process has told so far."""

    def __init__(self, connection: Connection):
        self.connection, self.open = connection, True
        self.messages, self.step, self.notes = 0, 0, []

    def begun(self) -> bool:
        return self.messages > 0

    def listen(self, until) -> None:
        """Listen until ``until()`` holds, or nobody speaks any more."""
        while self.open and not until():
            if not self.connection.poll(0.002):
                continue
            try:
                step, note = self.connection.recv()
            except EOFError:
                self.open = False
                return
            self.messages += 1
            self.step = max(self.step, step)
            if note:
                self.notes.append(note)


def _make(spec, root, at_step, signal, environment, connection: Connection) -> None:
    """What the forked process does."""
    from coupling_bench import progress, stages

    os.environ.update(environment)

    def listener(message):
        connection.send((0 if message.note else message.step, message.note))
        if not message.note and message.step == at_step:
            os.kill(os.getpid(), signal)

    progress.listen(listener)
    connection.send((0, ""))
    stages.make(spec, Store(root))
