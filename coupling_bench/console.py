"""What a run says in the terminal: the plan, progress, and the table of verdicts."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

import pytest

from coupling_bench.bench import Bench
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec, is_stage

QUIET_SECONDS = 15.0
"""A running stage is heard of at least this often, and not much more."""
NEEDED = {
    "increase_by": ">",
    "decrease_by": "<",
    "equal_within": "within",
    "not_increase_by": "<",
    "not_decrease_by": ">",
}
MARKUP = {
    "supported": {"green": True},
    "refuted": {"yellow": True},
    "inconclusive": {"red": True},
    "not applicable": {"cyan": True},
}


EXPECTED = (ValueError, OSError, FloatingPointError)
"""Failures that explain themselves; of any other the traceback is shown."""


def told(error: BaseException) -> str:
    """Return a failure in words, with its type where the words alone may say too little."""
    return str(error) if isinstance(error, EXPECTED) else f"{type(error).__name__}: {error}"


class Console:
    """Says what is trained, as plain lines; silent where pytest has no terminal (xdist workers)."""

    def __init__(self, terminal: pytest.TerminalReporter | None, labels: dict[str, str]):
        """Write to ``terminal``; ``labels`` gives the stages' addresses in words."""
        self.terminal, self.labels = terminal, labels
        self.started = time.monotonic()
        self.heard: dict[str, float] = {}

    def announce(self, nodes: list[Spec], absent: list[Spec], bench: Bench) -> None:
        """Say how much of the graph is to be made and how much is in the store."""
        stages = [spec for spec in nodes if is_stage(spec)]
        count = min(bench.workers, max(1, len(absent)))
        workers = f"{count} worker{'s' * (count != 1)}"
        if bench.executor == "inline":
            workers = "in this process"
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

    def progress(self, message: Progress) -> None:
        """Say how far a stage is, unless it was heard of just now."""
        now = time.monotonic()
        label = self.labels.get(message.address)
        if label is not None and message.note:
            self._line(f"{self._clock()} {label}: {message.note}")
            return
        if label is None or now - self.heard.setdefault(message.address, now) < QUIET_SECONDS:
            return
        self.heard[message.address] = now
        values = "".join(f", {name} {value:.3f}" for name, value in message.values)
        self._line(f"{self._clock()} {label}: step {message.step}/{message.total}{values}")

    def finished(self, spec: Spec, error: BaseException | None) -> None:
        """Say that a stage is done, or why it failed."""
        if error is not None:
            self._line(f"{self._clock()} FAILED {address(spec)}: {told(error)}", red=True)
            if not isinstance(error, EXPECTED):
                self._line("".join(traceback.format_exception(error)))
        elif address(spec) in self.labels:
            self._line(f"{self._clock()} {self.labels[address(spec)]}: done")

    def _clock(self) -> str:
        return f"[{time.monotonic() - self.started:5.0f} s]"

    def _line(self, text: str, **markup: bool) -> None:
        if self.terminal is not None:
            self.terminal.ensure_newline()
            self.terminal.write_line(text, **markup)


def verdict_table(claims: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the table of verdicts as aligned lines, each with its verdict for colouring."""
    rows = [
        (
            f"{c['claim']} [{c['model']}]",
            f"{c['effect']:+.4f}",
            _interval(*c["interval"]),
            f"{NEEDED[c['direction']]} {c['margin']:+.2f}".replace("within +", "within "),
            c["unit"],
            _verdict_words(c),
        )
        for c in claims
    ]
    table = [("claim", "effect", "interval", "needed", "unit", "verdict"), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    right_aligned = (1, 2, 3)
    lines = [
        "  ".join(
            cell.rjust(width) if i in right_aligned else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return list(zip(lines, ["", *(c["verdict"] or "" for c in claims)], strict=True))


def ability_lines(record: dict[str, Any]) -> list[str]:
    """Return, for each model and task, what a constant answer earns and the MCC of each node."""
    rows = [
        row for row in record["abilities"] if row["split"] == "held_out" and row["mcc"] is not None
    ]
    lines = []
    for model, task in dict.fromkeys((row["model"], row["task"]) for row in rows):
        mine = [row for row in rows if (row["model"], row["task"]) == (model, task)]
        nodes = dict.fromkeys(row["node"] for row in mine)
        mcc = {n: fmean(row["mcc"] for row in mine if row["node"] == n) for n in nodes}
        lines.append(
            f"{model} on {task}: a constant answer earns "
            f"{record['constants'][task]['majority_reward']:.4f} and has MCC 0. MCC: "
            + ", ".join(f"{node} {value:.3f}" for node, value in mcc.items())
        )
    return lines


def _interval(low: float | None, high: float | None) -> str:
    left = "-inf" if low is None else f"{low:+.4f}"
    return f"[{left}, {'+inf' if high is None else f'{high:+.4f}'}]"


def _verdict_words(claim: dict[str, Any]) -> str:
    words = claim["verdict"] or "none (smoke)"
    words += " (reversed)" * claim["reversed"]
    return words + " (accepted)" * (claim["accepted"] == claim["verdict"] is not None)


def theorem_lines(checked: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line a theorem: whether it holds, or is false as declared, and on how many."""
    lines = []
    for found in checked:
        passed = found["outcome"] == "passed"
        state = ("false" if found["false"] else "holds") if passed else "NOT AS STATED"
        lines.append(
            f"{state:<13} {found['violations']:>6} of {found['instances']:<8} {found['theorem']}"
        )
    return lines
