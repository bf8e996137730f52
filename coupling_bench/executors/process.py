"""Persistent worker processes, which import torch once and then make stage after stage.

Two workers of one thread each nearly double the throughput of one process with two threads on
small models. Workers are spawned, not forked: torch does not survive a fork.
"""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from coupling_bench import progress
from coupling_bench.specs import Spec
from coupling_bench.store import Store

PATIENCE = 2.0
"""Seconds that a worker has to leave by itself, and then again to clean up."""
KILLED = (
    "a worker process was ended from outside, perhaps for want of memory. Run the same command "
    "again: finished stages are kept; with --workers 1 it needs less memory."
)


class ProcessExecutor:
    """Makes entries in ``workers`` processes."""

    def __init__(
        self,
        store: Store,
        workers: int,
        listener: Callable[[progress.Progress], None],
        *,
        fresh: bool = False,
    ):
        """Make entries of ``store`` and send progress to ``listener``, from a thread of ours.

        With ``fresh`` each entry has a process of its own, which has ended when it is done.
        """
        self._spawn = multiprocessing.get_context("spawn")
        self.workers = workers
        self._store = store
        self._messages = self._spawn.SimpleQueue()
        self._fresh = fresh
        self._pools = [] if fresh else [self._open(workers)]
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        for pool in self._pools:  # all start now: what the first one makes, the others wait for
            for _ in range(workers):
                pool.submit(_prepare)

    def submit(self, spec: Spec) -> Future[bool]:
        """Queue the entry of ``spec``.

        A worker that is killed, by the system for its memory say, breaks the pool: what it was at
        and all that comes after fails with one sentence, and what is finished is kept.
        """
        outcome: Future[bool] = Future()
        if self._fresh:
            threading.Thread(target=self._make_alone, args=(spec, outcome), daemon=True).start()
            return outcome
        try:
            work = self._pools[0].submit(_make, spec, self._store.root)
        except BrokenProcessPool:
            outcome.set_exception(ChildProcessError(KILLED))
            return outcome
        work.add_done_callback(lambda done: _pass_on(done, outcome))
        return outcome

    def close(self) -> None:
        """Stop the workers: idle ones leave by themselves, busy ones are ended."""
        for pool in self._pools:
            workers = list((pool._processes or {}).values())  # public only from Python 3.14 on
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.join(timeout=PATIENCE)
                worker.terminate()
                worker.join(timeout=PATIENCE)
                worker.kill()

    def _open(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=workers,
            mp_context=self._spawn,
            initializer=_start_worker,
            initargs=(self._messages,),
        )

    def _make_alone(self, spec: Spec, outcome: Future[bool]) -> None:
        """Make one entry in a new process; it is done when the process has ended."""
        pool = self._open(1)
        self._pools.append(pool)
        work = pool.submit(_make, spec, self._store.root)
        work.exception()
        pool.shutdown()
        self._pools.remove(pool)
        _pass_on(work, outcome)

    def _listen(self, listener: Callable[[progress.Progress], None]) -> None:
        while True:  # a daemon: it ends with this process
            listener(self._messages.get())


def _pass_on(done: Future[bool], outcome: Future[bool]) -> None:
    if done.cancelled():
        outcome.cancel()
        return
    error = done.exception()
    if isinstance(error, BrokenProcessPool):
        error = ChildProcessError(KILLED)
    if error is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(done.result())


def _start_worker(messages) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half an entry is cleaned up
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # our own lines say how far a stage is
    progress.listen(messages.put)


def _leave_with_the_parent() -> None:
    """End this process when the parent is gone, however it went: nobody waits for the work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(
            os.getpid(), signal.SIGTERM
        )  # cleans up in the main thread, where the pool stops it
        time.sleep(PATIENCE)
        os._exit(1)


def _prepare() -> None:
    from coupling_bench import stages

    stages.load()
    gc.freeze()  # collections, one a training at least, pass over what the libraries have made


def _make(spec: Spec, root: Path) -> bool:
    from coupling_bench import stages

    return stages.make(spec, Store(root))[1]
