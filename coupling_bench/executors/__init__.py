"""Where stages run. State passes through the store alone, so every executor gives the same.

``submit`` takes a spec whose parent is finished and returns a future: True if the entry had to be
made, False if another process had made it meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from coupling_bench.executors import ray
from coupling_bench.executors.inline import InlineExecutor
from coupling_bench.executors.process import ProcessExecutor
from coupling_bench.executors.ray import Cluster, RayExecutor
from coupling_bench.executors.worker import Settings
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec
from coupling_bench.store import Store

EXECUTORS = ("process", "inline", "ray")


class Executor(Protocol):
    """Makes entries of the store."""

    workers: int
    """How many entries it makes at a time, of one thread each; fewer, if they have more."""

    def submit(self, spec: Spec) -> Future[bool]:
        """Start making the entry of ``spec``."""

    def close(self) -> None:
        """Give back processes and memory; running work is abandoned."""


def check_executor(name: str) -> None:
    """Refuse an executor whose package is not installed.

    Raises:
        ValueError: with the command that installs it.
    """
    if name == "ray":
        ray.check()


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
    settings: Settings | None = None,
    cluster: Cluster | None = None,
) -> Executor:
    """Return the executor called ``name``; its stages' progress goes to ``listener``.

    Args:
        name: one of ``EXECUTORS``.
        store: where entries are made.
        workers: how many at a time on this machine.
        listener: is told how far each is.
        fresh: a process for each entry, which gives back a GPU's memory whole when it ends.
        settings: how entries are made, where that changes no number.
        cluster: Ray's.
    """
    settings = settings or Settings()
    store.create()
    if name == "inline":
        return InlineExecutor(store, listener, settings)
    if name == "ray":
        return RayExecutor(store, workers, listener, settings, cluster or Cluster())
    return ProcessExecutor(store, workers, listener, settings, fresh=fresh)
