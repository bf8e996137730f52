"""What a run says at its end: the verdicts, the theorems, what it cost, and where the report is.

Whether colours can be shown is asked of pytest's terminal, which honours ``--color`` and
``NO_COLOR``; signs that the stream cannot encode are spelled.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

import pytest

from coupling_bench.verdict_table import MARKUP, PLAIN, Line, Row, setting, verdict_table

ASCII = {
    "\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{LESS-THAN OR EQUAL TO}": "<=", "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{PLUS-MINUS SIGN}": "+/-", "\N{EN DASH}": "-", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{GREEK SMALL LETTER BETA}": "beta", "\N{GREEK SMALL LETTER EPSILON}": "epsilon",
    "\N{GREEK SMALL LETTER RHO}": "rho",
}  # fmt: skip


class Summary:
    """Writes the lines of a finished run, as many as ``-q`` and ``-v`` ask for."""

    def __init__(self, terminal: pytest.TerminalReporter):
        """Write to ``terminal``; with ``-qq`` or ``--no-summary`` the last lines alone."""
        self.terminal, self._writer = terminal, terminal.config.get_terminal_writer()
        self.verbosity = -2 if terminal.no_summary else terminal.verbosity

    def claims(self, claims: list[dict[str, Any]]) -> None:
        """Write the table of verdicts; with ``-v`` each claim's seeds too."""
        if not claims or self.verbosity < -1:
            return
        self._section(f"verdicts: {', '.join(dict.fromkeys(map(setting, claims)))}")
        width = self._writer.fullwidth if self.terminal.isatty else None
        for lines in verdict_table(claims, width=width, detailed=self.verbosity > 0):
            for line in lines:
                self._line(line)

    def theorems(self, checked: list[dict[str, Any]]) -> None:
        """Write what became of the theorems: a count, and with ``-v`` one line each."""
        broken = [found for found in checked if found["outcome"] != "passed"]
        if not checked or (self.verbosity < -1 and not broken):
            return
        self._section("theorems: instances that break them")
        for line in theorem_lines(checked if self.verbosity > 0 else broken):
            self._line([(line, MARKUP["failed"] if line.startswith("NOT") else PLAIN)])
        self._line([(theorem_count(checked), PLAIN)])

    def abilities(self, record: dict[str, Any]) -> None:
        """Write what a constant answer earns, and the MCC of each node."""
        for line in ability_lines(record) if self.verbosity >= 0 else ():
            self._line([(line, PLAIN)])

    def slowest(self, record: dict[str, Any], count: int | None) -> None:
        """Write the stages that took longest to train, as ``--durations`` does for tests."""
        lines = slowest_lines(record["stages"], count)
        if lines:
            self._section(f"slowest {len(lines)} stages that were trained")
        for line in lines:
            self._line([(line, PLAIN)])

    def end(self, record: dict[str, Any], page: object, tracked: str) -> None:
        """Write what the run cost, what is missing from it, and where the report is."""
        run = record["environment"]
        if run["trained"] or run["reused"]:
            self._line([(cost_line(run), PLAIN)])
        if tracked:
            self._line([(tracked, PLAIN)])
        if run["partial"]:
            self._line([(f"PARTIAL: {run['partial']}. The record says so.", {"yellow": True})])
        self._line([(f"Report: {page}", PLAIN)])

    def _section(self, title: str) -> None:
        self.terminal.section(self._shown(title))

    def _line(self, line: Line) -> None:
        self.terminal.ensure_newline()
        for text, markup in line:
            self.terminal.write(self._shown(text), **markup)
        self.terminal.write("\n")

    def _shown(self, text: str) -> str:
        """Return a text as the stream can encode it."""
        return encodable(text, getattr(self._writer._file, "encoding", None) or "utf-8")


def encodable(text: str, encoding: str) -> str:
    """Return ``text`` in signs that ``encoding`` has, in words where it has none.

    >>> encodable("β ≥ 2 ± 1", "ascii")
    'beta >= 2 +/- 1'
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        spelled = "".join(ASCII.get(sign, sign) for sign in text)
        return spelled.encode(encoding, errors="replace").decode(encoding)
    return text


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


def theorem_lines(checked: Iterable[Row]) -> list[str]:
    """Return one line a theorem: whether it holds, or is false as declared, and on how many."""
    lines = []
    for found in checked:
        passed = found["outcome"] == "passed"
        state = ("false" if found["false"] else "holds") if passed else "NOT AS STATED"
        lines.append(
            f"{state:<13} {found['violations']:>6} of {found['instances']:<8} {found['theorem']}"
        )
    return lines


def theorem_count(checked: list[dict[str, Any]]) -> str:
    """Return in one sentence what became of all theorems."""
    passed = [found for found in checked if found["outcome"] == "passed"]
    false = sum(bool(found["false"]) for found in passed)
    broken = len(checked) - len(passed)
    instances = sum(found["instances"] for found in checked)
    return (
        f"{len(passed) - false} hold, {false} are false as declared, "
        f"{broken} {'is' if broken == 1 else 'are'} not as stated; {instances:,} instances"
        + ("" if broken else " (-v lists them)")
    )


def slowest_lines(stages: Iterable[Row], count: int | None) -> list[str]:
    """Return the ``count`` stages of a record that took longest to train (0: all; None: none)."""
    if count is None:
        return []
    made = {stage["spec"]: stage for stage in stages if not stage["reused"]}
    slowest = sorted(made.values(), key=lambda stage: -stage["wall_seconds"])[: count or None]
    return [
        f"{stage['wall_seconds']:.2f}s train    {stage['model']}: {stage['node']}"
        + ("" if stage["seed"] is None else f", seed {stage['seed']}")
        for stage in slowest
    ]


def cost_line(run: Row) -> str:
    """Return what was trained and what was reused, with what either costs."""
    return (
        f"{run['trained']} stages trained, {run['reused']} reused from the store; "
        f"{duration(run['made_seconds'])} of work done, {duration(run['saved_seconds'])} saved."
    )


def duration(seconds: float) -> str:
    """Return seconds as a person says them.

    >>> duration(0.4), duration(75), duration(3900)
    ('0.4 s', '1 min 15 s', '1 h 05 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02d} min" if hours else f"{minutes} min {rest} s"
