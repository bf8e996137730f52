"""A comparison in words: the table before and after, then each failure with what reproduces it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from coupling_bench.nightly.archive import moment
from coupling_bench.nightly.evidence import Evidence, Found, Key, keyed
from coupling_bench.nightly.findings import WORDS, Comparison, Finding, Kind, Row
from coupling_bench.record import Record
from coupling_bench.references import suites_of

HEAD = ("claim", "model", "expected", "band", "obtained", "interval", "before", "after", "status")
SHOWN_STAGES = 12
MOST_TESTS = 5
"""So many are named in a command; of more, the folders that they lie in."""


def lines(comparison: Comparison, run: Found, history: Sequence[Record] = ()) -> list[str]:
    """Return the comparison for a terminal."""
    table = [HEAD, *(_cells(row) for row in comparison.rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    widths[0] = min(widths[0], 60)
    told = [
        "  ".join(_cut(text, width).ljust(width) for text, width in zip(row, widths, strict=True))
        for row in table
    ]
    told = [line.rstrip() for line in told] + [""]
    for finding in comparison.findings:
        told.append(f"{WORDS[finding.kind]}: {finding.what}: {finding.text}")
        told += [f"  {name}: {text}" for name, text in facts(finding, run, history)]
    told += [f"note: {note}" for note in _notes(comparison)]
    return [*told, summary(comparison)]


def markdown(comparison: Comparison, run: Found, history: Sequence[Record] = ()) -> str:
    """Return the comparison as Markdown, the table first."""
    told = [f"**{summary(comparison)}**", "", _row(HEAD), _row(["---"] * len(HEAD))]
    told += [_row(_cells(row)) for row in comparison.rows]
    for finding in comparison.findings:
        told += ["", f"### {WORDS[finding.kind]}: {escaped(finding.what)}", ""]
        told.append(escaped(finding.text))
        found = facts(finding, run, history)
        told += [""] * bool(found) + [f"- {name}: {_code(name, text)}" for name, text in found]
    notes = _notes(comparison)
    told += ["", "### Notes", ""] * bool(notes) + [f"- {escaped(note)}" for note in notes]
    return "\n".join(told) + "\n"


def summary(comparison: Comparison) -> str:
    """Return what was found in a line."""
    rows, status = comparison.rows, comparison.status
    counts = [
        f"{sum(f.kind is kind for f in comparison.findings)} {WORDS[kind].lower()}"
        for kind in sorted(Kind, reverse=True)
        if any(f.kind is kind for f in comparison.findings)
    ]
    compared = sum(row.band is not None and not row.obstacle for row in rows)
    return (
        f"{compared} of {len(rows)} claims compared: {', '.join(counts) or 'all as before'} "
        f"(exit status {int(status)})"
    )


def facts(finding: Finding, run: Found, history: Sequence[Record] = ()) -> list[tuple[str, str]]:
    """Return what a failure says besides its sentence."""
    if not finding.rows:
        return []
    row = finding.rows[0]
    found: list[tuple[str, str]] = []
    if row.band is not None and row.old is not None and row.new is not None:
        unit = row.new.claim.get("unit") or ""
        found = [
            ("expected", f"{_number(row.band.mean)} {unit}, {_span(row.band.low, row.band.high)} "
             f"for the mean of {len(row.new.values)} seeds; {_needed(row.new)}"),
            ("obtained", f"{_number(_mean(row.new))} {unit}, {_interval(row.new)}; "
             f"p {row.band.p_mean:.3f} by the mean, {row.band.p_largest:.3f} by the farthest seed"),
            ("seeds", f"{_seeds(row.new.values)}: {_values(row.new.values)}; "
             f"reference {_seeds(row.old.values)}"),
        ]  # fmt: skip
    if row.new is not None and len(finding.rows) == 1:
        shown = row.new.stages[:SHOWN_STAGES]
        more = len(row.new.stages) - len(shown)
        found.append(("stages", ", ".join(shown) + (f" and {more} more" if more else "")))
    if history:
        found.append(("last good", last_good(row, history)))
    found.append(("reproduce", command(finding.rows, run)))
    return [(name, text) for name, text in found if text]


def last_good(row: Row, history: Sequence[Record]) -> str:
    """Return the newest record of the history in which the claim still was as expected."""

    def good(claim: dict[str, Any]) -> bool:
        effect, band = claim.get("effect"), row.band
        inside = band is None or (effect is not None and band.low <= effect <= band.high)
        return claim.get("verdict") == row.before and inside

    made = datetime.fromisoformat(row.new.created).timestamp() if row.new else math.inf
    record = _newest(row.key, good, history, before=made)
    if record is None:
        return "none in the history"
    environment = record.get("environment") or {}
    return f"commit {environment.get('commit')}, {record['created']}"


def _newest(
    key: Key, good: Callable[[dict[str, Any]], bool], history: Sequence[Record], before: float
) -> Record | None:
    for record in reversed(history):
        if moment(record) < before and any(
            known == key and good(claim) for known, claim in keyed(record)
        ):
            return record
    return None


def command(rows: Sequence[Row], run: Found) -> str:
    """Return the one command that measures the claims again, on the run's seeds."""
    evidence = [row.new or row.old for row in rows]
    tests = [str(e.claim["test"]) for e in evidence if e is not None and e.claim.get("test")]
    known = evidence[0]
    if known is None or not tests:
        return ""
    own = [e for e in run.claims.values() if e.setting == known.setting and e.values]
    fewest = min((sorted(e.values) for e in own), key=len, default=[0, 1, 2])
    model, task, scale = known.setting
    if len(tests) > MOST_TESTS:
        tests = sorted({str(suites_of(test)) for test in tests})
    words = [
        "pytest", *tests,
        "--model", model, "--task", task, "--scale", scale,
        *(["--first-seed", str(fewest[0])] if fewest[0] else []), "--seeds", str(len(fewest)),
    ]  # fmt: skip
    return shlex.join(words)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.key[3],
        row.key[0],
        _number(_mean(row.old)) if row.old and row.old.values else "-",
        _span(row.band.low, row.band.high) if row.band else "-",
        _number(_mean(row.new)) if row.new and row.new.values else "-",
        _interval(row.new) if row.new else "-",
        row.before or "-",
        row.after or "-",
        row.status,
    )


def _mean(evidence: Evidence) -> float:
    return sum(evidence.values.values()) / len(evidence.values)


def _interval(evidence: Evidence) -> str:
    if evidence.records > 1 or not evidence.claim.get("interval"):
        return "-"
    low, high = evidence.claim["interval"]
    return _span(-math.inf if low is None else low, math.inf if high is None else high)


def _number(value: float) -> str:
    """Return four decimals, or two digits of what would read as zero."""
    return f"{value:+.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:+.2g}"


def _span(low: float, high: float) -> str:
    return f"[{_number(low)}, {_number(high)}]"


def _needed(evidence: Evidence) -> str:
    claim = evidence.claim
    return f"the claim: {claim['direction'].replace('_', ' ')} {abs(claim['margin']):g}"


def _seeds(values: Iterable[int]) -> str:
    """Return seeds as ranges where they follow each other."""
    found: list[list[int]] = []
    for seed in sorted(values):
        if found and seed == found[-1][-1] + 1:
            found[-1].append(seed)
        else:
            found.append([seed])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in found)


def _values(values: dict[int, float]) -> str:
    return ", ".join(_number(values[seed]) for seed in sorted(values))


def _notes(comparison: Comparison) -> list[str]:
    quiet = [row for row in comparison.rows if row.kind is Kind.FINE and row.note]
    return [*(f"{row.key[3]}: {row.note}" for row in quiet), *comparison.notes]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    text = " ".join(text.split())
    for character in "\\`*_|<>[]#":
        text = text.replace(character, "\\" + character)
    return text


def _code(name: str, text: str) -> str:
    return (
        f"`{' '.join(text.split()).replace('`', '')}`"
        if name in ("reproduce", "stages")
        else escaped(text)
    )
