"""Where stages run. State passes through the store alone, so every executor gives the same.

``submit`` takes a spec whose parent is finished and returns a future: True if the entry had to be
made, False if another process had made it meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from coupling_bench.progress import Progress
from coupling_bench.specs import Spec
from coupling_bench.store import Store
from coupling_bench.tracking import Tracker

EXECUTORS = ("process", "inline")


class Executor(Protocol):
    """Makes entries of the store."""

    workers: int
    """How many entries it makes at a time, of one thread each; fewer, if they have more."""

    def submit(self, spec: Spec) -> Future[bool]:
        """Start making the entry of ``spec``."""

    def close(self) -> None:
        """Give back processes and memory; running work is abandoned."""


def default_workers() -> int:
    """Return one worker for each core that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no affinity on this platform
        return os.cpu_count() or 1


def open_executor(
    name: str,
    store: Store,
    workers: int,
    listener: Callable[[Progress], None],
    *,
    fresh: bool = False,
    tracker: Tracker | None = None,
) -> Executor:
    """Return the executor called ``name``; its stages' progress goes to ``listener``.

    Args:
        name: one of ``EXECUTORS``.
        store: where entries are made.
        workers: how many at a time.
        listener: is told how far each is.
        fresh: a process for each entry, which gives back a GPU's memory whole when it ends.
        tracker: where trainers log.
    """
    if name == "inline":
        from coupling_bench.executors.inline import InlineExecutor

        return InlineExecutor(store, listener, tracker)
    from coupling_bench.executors.process import ProcessExecutor

    return ProcessExecutor(store, workers, listener, fresh=fresh, tracker=tracker)
