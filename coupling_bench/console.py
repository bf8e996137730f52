"""What a run says in the terminal while it trains: what is to be done, and how far it is.

On a terminal that somebody looks at it is drawn (``live.py``); elsewhere it is plain lines.
"""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from coupling_bench import live, stage_log
from coupling_bench.bench import Bench
from coupling_bench.fingerprint import address
from coupling_bench.graph import DidNotRunError
from coupling_bench.planning.course import Course
from coupling_bench.planning.schedules import duration
from coupling_bench.progress import Progress
from coupling_bench.specs import EvaluationSpec, Spec, is_stage
from coupling_bench.store import Store

QUIET_SECONDS = 15.0
"""A running stage is heard of at least this often, and not much more; observations where nothing
else is."""
EXPECTED = (ValueError, OSError, FloatingPointError)
"""Failures that explain themselves; of any other the traceback is shown."""


def told(error: BaseException) -> str:
    """Return a failure in words, with its type where the words alone may say too little."""
    if isinstance(error, DidNotRunError):
        return f"it did not run, because {error.failed} failed: {told(error.cause)}"
    return str(error) if isinstance(error, EXPECTED) else f"{type(error).__name__}: {error}"


class Console:
    """Says what is trained; silent where pytest has no terminal (xdist workers)."""

    def __init__(
        self, terminal: pytest.TerminalReporter | None, labels: dict[str, str], verbosity: int = 0
    ):
        """Write to ``terminal``; ``labels`` gives the nodes' addresses in words.

        With ``-q`` (verbosity -1) a run that has nothing to train says nothing, and with ``-qq``
        failures alone are said.
        """
        self.terminal, self.labels, self.verbosity = terminal, labels, verbosity
        self.started = self.said = time.monotonic()
        self.heard: dict[str, float] = {}
        self.store: Store | None = None
        self.display: live.Display | None = None

    def announce(self, nodes: list[Spec], absent: list[Spec], bench: Bench) -> None:
        """Say how much of the graph is to be made and how much is in the store."""
        if self.verbosity < 0 and not absent:
            return
        stages = [spec for spec in nodes if is_stage(spec)]
        count = min(bench.workers, max(1, len(absent)))
        workers = f"{count} worker{'s' * (count != 1)}"
        if bench.executor == "inline":
            workers = "in this process"
        elif bench.executor == "ray":
            workers = "by Ray"
        scales = ", ".join(dict.fromkeys(bench.scale(model) for model in bench.models))
        to_train = [spec for spec in absent if is_stage(spec)]
        self._line(
            f"coupling_bench: {', '.join(bench.models)} on {bench.task.name}, scale {scales}, "
            f"{len(bench.seeds)} seed{'s' * (len(bench.seeds) != 1)}; {len(stages)} stages, "
            f"{len(stages) - len(to_train)} in the store, {len(to_train)} to train "
            f"({workers}). Store: {bench.store.root}"
        )
        if bench.overrides:
            said = "; ".join(f"{o.section}.{'.'.join(o.path)}={o.value}" for o in bench.overrides)
            self._line(f"coupling_bench: recipe changed: {said}")

    def plan(self, line: str) -> None:
        """Say what the run will need."""
        self._line(f"coupling_bench: {line}")

    @contextlib.contextmanager
    def following(self, nodes: list[Spec], absent: list[Spec], bench: Bench) -> Iterator[None]:
        """Draw how far the graph is while the block runs, if somebody looks."""
        self.store = bench.store
        terminal = self.terminal
        # A debugger in a stage of this process needs the terminal for itself.
        wanted = bench.executor != "inline" and live.wanted(terminal, self.verbosity)
        if terminal is None or not wanted:
            yield
            return
        course = Course(nodes, absent, bench.store, min(bench.workers, len(absent)))
        colour = terminal.config.get_terminal_writer().hasmarkup
        display = live.Display(course, self.labels, live.screen_of(sys.stdout, colour))
        terminal.ensure_newline()
        try:
            display.open()
            self.display = display
            yield
        finally:
            self.display = None
            display.close()
            took = duration(course.clock() - course.started)
            count = f"{course.made} stage{'s' * (course.made != 1)}"
            self._line(f"coupling_bench: {count} trained in {took}")

    def progress(self, message: Progress) -> None:
        """Say how far a stage is, unless it was heard of just now."""
        display = self.display  # in another thread than the one that closes it
        if display is not None:
            display.course.progress(message)
        now = time.monotonic()
        label = self.labels.get(message.address)
        if message.note:
            self._line(f"{self._clock()} {label or message.address}: {message.note}")
            return
        if display is not None or label is None:
            return
        if now - self.heard.setdefault(message.address, now) < QUIET_SECONDS:
            return
        self.heard[message.address] = now
        values = "".join(f", {name} {value:.3f}" for name, value in message.values)
        self._line(f"{self._clock()} {label}: step {message.step}/{message.total}{values}")

    def finished(self, spec: Spec, error: BaseException | None) -> None:
        """Say that a stage is done, or why it failed and where its log is."""
        if self.display is not None:
            self.display.course.finished(spec, error)
        if error is not None:
            self._line(f"{self._clock()} FAILED {address(spec)}: {told(error)}", red=True)
            log = self.store.failure(spec) / stage_log.NAME if self.store else None
            if log is not None and log.is_file():
                self._line(f"Its log: {log}", red=True)
            if not isinstance(error, EXPECTED):
                self._line("".join(traceback.format_exception(error)), red=True)
        elif self.display is not None and self.verbosity < 1:
            return  # it is counted
        elif address(spec) in self.labels and (
            is_stage(spec)
            or isinstance(spec, EvaluationSpec)
            or time.monotonic() - self.said >= QUIET_SECONDS  # many short ones look like a halt
        ):
            self._line(f"{self._clock()} {self.labels[address(spec)]}: done")

    def not_run(self, failed: Mapping[str, BaseException]) -> None:
        """Say what did not run because of a failure: with ``-v`` each, else how many.

        Args:
            failed: errors by address, as in ``graph.Outcome``.
        """
        blocked = {a: e.failed for a, e in failed.items() if isinstance(e, DidNotRunError)}
        if self.verbosity > 0:
            for name, cause in blocked.items():
                label = self.labels.get(name, name)
                self._line(f"{label}: did not run, because {cause} failed.", red=True)
            return
        for cause, count in Counter(blocked.values()).items():
            what = "stage or observation" if count == 1 else "stages and observations"
            self._line(f"{count} {what} did not run, because {cause} failed.", red=True)

    def interrupted(self, nodes: list[Spec], store: Store) -> None:
        """Say what Ctrl-C leaves behind."""
        stages = [spec for spec in nodes if is_stage(spec)]
        done = sum(store.find(spec) is not None for spec in stages)
        self._line(
            f"{self._clock()} INTERRUPTED: {done} of {len(stages)} stages are finished and kept in "
            f"{store.root}; what was under way may be lost. The same command goes on from there.",
            yellow=True,
        )

    def _clock(self) -> str:
        return f"[{time.monotonic() - self.started:5.0f} s]"

    def _line(self, text: str, **markup: bool) -> None:
        display, self.said = self.display, time.monotonic()
        if display is not None:
            display.print(text, style=" ".join(markup))
        elif self.terminal is not None and (self.verbosity > -2 or markup):
            self.terminal.ensure_newline()
            self.terminal.write_line(text, **markup)
