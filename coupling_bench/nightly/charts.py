"""Small charts of many nights, as SVG: no script and no library draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coupling_bench.nightly.history import Line, Times

WIDTH, HEIGHT = 600.0, 120.0
LEVELS = {"supported": 0, "inconclusive": 1, "not applicable": 1, None: 1, "refuted": 2}
"""Row of a verdict in the strip under a chart: its place says it, and its colour only again."""
CLASSES = {None: "none", "not applicable": "not-applicable"}
FAR = 2.0
"""A margin further from the effects than so many of their spans is told in words alone."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One chart: places in a box of ``WIDTH`` by ``HEIGHT``."""

    line: str
    dots: list[tuple[float, float]]
    """The points, where there are few."""
    ribbon: str = ""
    shade: tuple[float, float] | None = None
    """Top and height of the reference's band."""
    margins: list[float] = field(default_factory=list)
    zero: float | None = None
    strip: list[tuple[float, float, int, str]] = field(default_factory=list)
    """Verdicts: left, width, row, class."""
    marks: list[float] = field(default_factory=list)
    """Nights on which the verdict changed outside the band."""
    top: float = 0.0
    bottom: float = 0.0


def effects(line: Line, nights: int) -> Drawn:
    """Draw a claim's effects with their intervals, cut where they leave the chart."""
    values = [point.effect for point in line.points]
    low, high = _range([*values, *(line.band or ())])
    near = [m for m in line.margins if low - FAR * (high - low) <= m <= high + FAR * (high - low)]
    low, high = _range([low, high, *near])
    x = across(nights)
    places = [(x(point.night), _down(point.effect, low, high)) for point in line.points]
    ends = [
        (x(p.night), _down(_or(p.low, low), low, high), _down(_or(p.high, high), low, high))
        for p in line.points
    ]
    band = line.band
    shade = (_down(band[1], low, high), _down(band[0], low, high)) if band else None
    return Drawn(
        line=_path(places),
        dots=places if len(places) <= 40 else places[-1:],
        ribbon=_path([(a, t) for a, _, t in ends] + [(a, b) for a, b, _ in ends[::-1]]) + "Z",
        shade=(shade[0], shade[1] - shade[0]) if shade else None,
        margins=[_down(m, low, high) for m in near],
        zero=_down(0.0, low, high) if low <= 0 <= high else None,
        strip=_strip(line, nights),
        marks=[x(change.night) for change in line.changes if not change.within],
        top=high,
        bottom=low,
    )


def seconds(times: Times, nights: int) -> Drawn:
    """Draw a stage's seconds, from zero."""
    high = max(value for _, value in times.points) * 1.1 or 1.0
    x = across(nights)
    places = [(x(night), _down(value, 0.0, high)) for night, value in times.points]
    dots = places if len(places) <= 40 else places[-1:]
    return Drawn(line=_path(places), dots=dots, top=high, bottom=0.0)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def across(nights: int) -> Callable[[int], float]:
    """Return where a night stands."""
    step = WIDTH / max(1, nights - 1)
    return lambda night: round(night * step if nights > 1 else WIDTH / 2, 1)


def _down(value: float, low: float, high: float) -> float:
    return round(HEIGHT * (1 - (min(max(value, low), high) - low) / (high - low)), 1)


def _or(value: float | None, unbounded: float) -> float:
    return value if value is not None and math.isfinite(value) else unbounded


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)


def _strip(line: Line, nights: int) -> list[tuple[float, float, int, str]]:
    """Return the verdicts as runs of nights."""
    width = WIDTH / nights
    runs: list[list[int]] = []
    told: list[str | None] = []
    for point in line.points:
        if told and told[-1] == point.verdict and runs[-1][1] == point.night - 1:
            runs[-1][1] = point.night
        else:
            runs.append([point.night, point.night])
            told.append(point.verdict)
    return [
        (
            round(a * width, 1),
            round((b - a + 1) * width, 1),
            LEVELS.get(v, 1),
            CLASSES.get(v, str(v)),
        )
        for (a, b), v in zip(runs, told, strict=True)
    ]
