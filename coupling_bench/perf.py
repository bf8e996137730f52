"""Benchmarks of ours against plain TRL, or another way: what is kept of them, and where.

Two files lie beside a record: ``perf.json``, one entry a benchmark, and ``scaling.json``, one entry
a point of a curve. The page shows both. Ratios compare; seconds do not travel between machines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PERF, SCALING = "perf.json", "scaling.json"


@dataclass(frozen=True, kw_only=True)
class Duel:
    """Both arms of a benchmark, run in turns on one machine."""

    name: str
    group: str
    ours_seconds: float
    """Median of the rounds; of the other arm likewise."""
    plain_seconds: float
    ours_peak_bytes: float | None
    """Most bytes of tensors alive at once in one round, beyond those before it."""
    plain_peak_bytes: float | None
    gate: float
    """The benchmark fails under this ratio."""
    target: float | None
    """The ratio that we aim at."""
    rounds: int
    against: str = "plain TRL"
    """What the other arm is."""
    note: str | None = None
    bare_seconds: float | None = None
    """A bare PyTorch loop of the unique work: no trainer, metrics or rows without advantage."""
    floor_seconds: float | None = None
    """Operations of that loop's matrix products over their measured rate; no attention."""

    @property
    def ratio(self) -> float:
        """How many times as long the other arm takes."""
        return self.plain_seconds / self.ours_seconds

    @property
    def passed(self) -> bool:
        """Whether the ratio reaches its gate."""
        return self.ratio >= self.gate


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a curve: what something costs where ``axis`` is ``x``."""

    axis: str
    x: float
    what: str
    ours_seconds: float
    plain_seconds: float | None
    unit: str = "seconds"


def write(duels: list[Duel], points: list[Point], folder: Path) -> None:
    """Write what was measured into ``folder``; a file without entries stays as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [asdict(duel) | {"ratio": duel.ratio, "passed": duel.passed} for duel in duels]
    for name, values in ((PERF, entries), (SCALING, [asdict(point) for point in points])):
        if values:
            (folder / name).write_text(json.dumps(values, indent=1) + "\n")


def lines(duels: list[Duel]) -> list[str]:
    """Return a table of the ratios as aligned lines."""
    rows = [("benchmark", "other", "ours", "ratio", "gate", "target", "peak", "bare", "floor")]
    for duel in duels:
        rows.append(
            (
                duel.name,
                f"{duel.plain_seconds:.3f} s",
                f"{duel.ours_seconds:.3f} s",
                f"{duel.ratio:.1f}x",
                f"{duel.gate:g}x",
                _or_dash(duel.target, "{:g}x"),
                _share(duel.ours_peak_bytes, duel.plain_peak_bytes),
                _share(duel.bare_seconds, duel.ours_seconds),
                _share(duel.floor_seconds, duel.ours_seconds),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _or_dash(value: Any, form: str) -> str:
    return form.format(value) if value is not None else "-"


def _share(part: float | None, whole: float | None) -> str:
    return f"{part / whole:.0%}" if part and whole else "-"
