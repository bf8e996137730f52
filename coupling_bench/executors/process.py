"""Persistent worker processes, which make stage after stage.

Two workers of one thread each nearly double the throughput of one process with two threads on
small models. On Linux they are forks of a process that has imported torch and run nothing, so that
a new one begins at once and shares its memory; elsewhere each imports for itself. Each is a pool of
its own, so that one that is killed takes nothing along but the stage that it was at.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

from coupling_bench.executors import worker
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec
from coupling_bench.store import Store

PATIENCE = 2.0
"""Seconds that a worker has to leave by itself, and then again to clean up."""


class ProcessExecutor:
    """Makes entries in ``workers`` processes."""

    def __init__(
        self,
        store: Store,
        workers: int,
        listener: Callable[[Progress], None],
        settings: worker.Settings,
        *,
        fresh: bool = False,
    ):
        """Make entries of ``store`` and send progress to ``listener``, from threads of ours.

        With ``fresh`` each entry has a process of its own, which has ended when it is done.
        """
        self.workers = workers
        self._store = store
        self._listener = listener
        self._settings = settings
        self._fresh = fresh
        self._heard = threading.Lock()
        self._open: list[_Worker] = []
        self._threads = ThreadPoolExecutor(workers)  # each waits for a worker
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        for _ in range(workers):  # all start now: what the first one makes, the others wait for
            self._idle.put(None if fresh else self._new())

    def submit(self, spec: Spec) -> Future[bool]:
        """Make the entry of ``spec`` in the next worker that is idle.

        If that is killed, by the system for its memory say, this entry fails with one sentence, and
        another worker takes its place.
        """
        return self._threads.submit(self._make, spec)

    def close(self) -> None:
        """Stop the workers: idle ones leave by themselves, busy ones are ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        workers = list(self._open)
        for each in workers:
            each.dismiss()
        for each in workers:
            each.end()

    def _make(self, spec: Spec) -> bool:
        chosen = self._idle.get()
        try:
            if chosen is None or not chosen.process.is_alive():
                chosen = self._new()
        except BaseException:  # no process, no pipe: the next stage may have more luck
            self._idle.put(None)
            raise
        try:
            return chosen.make(spec, self._store)
        finally:
            if self._fresh:
                chosen.dismiss(wait=True)
            if not chosen.process.is_alive():
                self._open.remove(chosen)
                self._idle.put(None)
            else:
                self._idle.put(chosen)

    def _new(self) -> _Worker:
        new = _Worker(self._settings)
        self._open.append(new)
        threading.Thread(target=self._listen, args=(new.messages,), daemon=True).start()
        return new

    def _listen(self, messages: Connection) -> None:
        """Pass on what a worker says, until it is gone."""
        while True:
            try:
                message = messages.recv()
            except (EOFError, OSError):  # also in the middle of a message
                return
            # Whoever listens may be gone (| head); a worker whom nobody hears would wait for ever.
            with self._heard, contextlib.suppress(Exception):
                self._listener(message)


class _Worker:
    """A process that makes one entry after another, and its end of a pipe of its own.

    One queue for all of them would be locked for ever by one that is killed as it speaks.
    """

    def __init__(self, settings: worker.Settings):
        context = _context()
        self.messages, theirs = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            mp_context=context,
            initializer=_start,
            initargs=(theirs, settings, dict(os.environ)),
        )
        self._pool.submit(worker.prepare)
        theirs.close()
        (self.process,) = self._pool._processes.values()  # public only from Python 3.14 on

    def make(self, spec: Spec, store: Store) -> bool:
        """Make the entry of ``spec``.

        Raises:
            ChildProcessError: the process ended before the entry was made.
        """
        try:
            return self._pool.submit(worker.make, spec, store.root).result()
        except SystemExit:  # what SIGTERM does to a busy worker
            self.dismiss(wait=True)
            raise ChildProcessError(_why(-signal.SIGTERM)) from None
        except BrokenProcessPool:
            self.dismiss(wait=True)  # only then is it known how it ended
            raise ChildProcessError(_why(self.process.exitcode)) from None

    def dismiss(self, wait: bool = False) -> None:
        """Let the process leave when it has nothing to do."""
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def end(self) -> None:
        """Wait a little for the process to leave, then end it."""
        self.process.join(PATIENCE)
        self.process.terminate()
        self.process.join(PATIENCE)
        self.process.kill()


def _context() -> BaseContext:
    """Return how processes are started: by a fork of one that has imported all, where it is safe.

    What has run nothing of torch has none of its worker threads and no CUDA, which would not
    survive a fork.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["coupling_bench.executors.preload"])
    return context


def _why(status: int | None) -> str:
    """Return in a sentence how a worker ended, and what to do."""
    again = "Run the same command again: finished stages are kept"
    if status == -signal.SIGKILL:
        return (
            "the worker process was ended by SIGKILL from outside, perhaps for want of memory. "
            f"{again}; with --workers 1 it needs less memory."
        )
    how = f"by {signal.Signals(-status).name}" if status and status < 0 else f"with status {status}"
    return f"the worker process ended {how}. {again}; with --executor inline a debugger can look."


def _start(messages: Connection, settings: worker.Settings, environ: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)  # as it is now, and not as it was when the server was started
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half an entry is cleaned up
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    worker.quieten()
    worker.set_up(messages.send, settings)


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
