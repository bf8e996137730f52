"""One log a stage, beside its files: what libraries print, warn and log, and how far it was when.

It changes no number and stops no stage: where it cannot be written, nothing is kept. Its size is
bounded, whatever a library prints and however many steps there are.
"""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from coupling_bench import progress
from coupling_bench.progress import Progress

NAME = "stage.log"
MOST_BYTES = 1_000_000
"""Nothing is added to a log that is larger."""
STEPS_TOLD = 200
"""A stage's steps are told so often at most."""


@contextlib.contextmanager
def kept(address: str, folder: Path) -> Iterator[None]:
    """Write the log of the stage ``address`` into ``folder``, after what is there of it already.

    In a worker process all output goes there and nowhere else; in the process of pytest, or of a
    debugger, it goes on to the terminal too.
    """
    path = folder / NAME
    try:
        file = path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError:
        yield
        return
    log = StageLog(file)
    log.line(f"{address}: begun, process {os.getpid()}")
    worker = multiprocessing.parent_process() is not None
    with log, _redirected(log, worker), progress.heard_by(log.progress):
        try:
            yield
        except Exception:
            log.line(f"failed\n{traceback.format_exc()}")
            raise


class StageLog:
    """An open log: lines with the time in front."""

    def __init__(self, file: TextIO):
        """Write to ``file``, which is closed at the end of the ``with`` block."""
        self.file = file

    def __enter__(self) -> StageLog:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, and cut what went there past this log."""
        self.line("ended")
        with contextlib.suppress(OSError):
            self.file.close()
            if (path := Path(self.file.name)).stat().st_size > 2 * MOST_BYTES:
                os.truncate(path, 2 * MOST_BYTES)

    def line(self, text: str) -> None:
        """Add a line, unless the log is full or its disk is."""
        with contextlib.suppress(OSError, ValueError):
            if self.file.tell() < MOST_BYTES:
                self.file.write(f"{_now()} {text}\n")
                self.file.flush()

    def progress(self, message: Progress) -> None:
        """Add what a stage tells of itself: notes, and some of its steps."""
        if message.note:
            self.line(message.note)
            return
        apart = max(1, math.ceil(message.total / STEPS_TOLD))
        if message.step % apart == 0 or message.step in (1, message.total):
            values = "".join(f", {name} {value:.6g}" for name, value in message.values)
            self.line(f"step {message.step}/{message.total}{values}")


class _Stream:
    """Standard output or error of a stage: whole lines go to its log; else it is the real one."""

    def __init__(self, log: StageLog, real: TextIO, shown: bool):
        self._log, self._real, self._shown, self._rest = log, real, shown, ""

    def write(self, text: str) -> int:
        if self._shown:
            self._real.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._log.line(line.rpartition("\r")[2])  # of a progress bar the last state
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def end(self) -> None:
        if self._rest:
            self._log.line(self._rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextlib.contextmanager
def _redirected(log: StageLog, worker: bool) -> Iterator[None]:
    """Send standard output, standard error and what is logged to ``log``."""
    with contextlib.ExitStack() as stack:
        if worker:  # also what is not Python's, and handlers that hold the streams of before
            stack.enter_context(_descriptors(log.file.fileno()))
        else:
            stack.enter_context(_logging(log))
        for name in ("stdout", "stderr"):
            real = getattr(sys, name)
            stream = _Stream(log, real, shown=not worker)
            setattr(sys, name, stream)
            stack.callback(setattr, sys, name, real)
            stack.callback(stream.end)
        yield


@contextlib.contextmanager
def _descriptors(to: int) -> Iterator[None]:
    """Send file descriptors 1 and 2 of this process to ``to``."""
    before = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in before:
            os.dup2(to, number)
        yield
    finally:
        for number, real in before.items():
            os.dup2(real, number)
            os.close(real)


class _Handler(logging.Handler):
    def __init__(self, log: StageLog):
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._log.line(f"{record.levelname} {record.name}: {record.getMessage()}")
        except Exception:  # of a library's own formatting
            self.handleError(record)


@contextlib.contextmanager
def _logging(log: StageLog) -> Iterator[None]:
    """Let ``log`` hear all loggers, also those that do not tell the one above them."""
    known = [x for x in logging.root.manager.loggerDict.values() if isinstance(x, logging.Logger)]
    loggers = [logging.root, *(logger for logger in known if not logger.propagate)]
    handler = _Handler(log)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
