"""Heat maps of changes: colour and a written sign in each cell, regions and boundaries as lines.

They are drawn as SVG and need no script. Colours come from the page's style sheet by a cell's
class and share, so that one drawing serves light, dark and paper.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from coupling_bench.report.rows import Record, average, column, label, thinned
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import MINUS, is_number, number, plain, sign, signed

MOST_LINES = 14
"""Rows and columns of a grid on the page."""
WIDTH, LEFT, TOP, BOTTOM, EDGE = 350, 74, 8, 40, 4
MANY, BROAD = 9, 700
"""With more columns than this a grid is so wide."""
SAYS_VALUE = 34
"""A cell narrower than this holds its sign alone."""
PALEST, FULL = 6, 58
"""Percent of the colour in a cell of no change, and in that of the largest."""

Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A change, over seeds, at one place of a grid."""

    changes: Sequence[float]
    inside: bool = False
    """Whether the cell lies in the outlined region."""
    above: bool | None = None
    """On which side of the boundary the cell lies."""
    missed: bool = False
    """Whether a prediction had the other sign."""
    sure: bool = False
    """Whether theory guarantees a sign."""
    says: str = ""

    @property
    def mean(self) -> float | None:
        """The mean change; None if it is not known."""
        return average(self.changes)

    @property
    def mark(self) -> str:
        """The sign that all seeds share, or that they do not share one."""
        if not self.changes:
            return ""
        if min(self.changes) > 0:
            return "+"
        if max(self.changes) < 0:
            return MINUS
        return "0" if not any(self.changes) else "\N{PLUS-MINUS SIGN}"


def cells(
    rows: list[Record],
    row: str,
    col: str,
    change: str,
    *,
    inside: str = "",
    above: Callable[[list[Record]], bool | None] | None = None,
    sure: str = "",
) -> dict[tuple[Any, Any], Cell]:
    """Cells by the values of two columns, each over its seeds.

    Args:
        rows: rows of a table.
        row: the column that a grid's rows stand for.
        col: the column that its columns stand for.
        change: the column that is drawn.
        inside: the column that says whether a row lies in the outlined region, if there is one.
        above: says of a cell's rows on which side of the boundary it lies.
        sure: the column of a guaranteed sign, if there is one.
    """
    return {
        key: Cell(
            changes=column(found, change),
            inside=bool(inside) and all(one.get(inside) is True for one in found),
            above=above(found) if above else None,
            missed=any(_missed(one, change, sure) for one in found),
            sure=bool(sure) and all(promised(one.get(sure)) for one in found),
            says=_says(row, col, change, key, found),
        )
        for key, found in grouped(rows, row, col).items()
    }


def promised(value: object) -> str:
    """The sign that is guaranteed, told in words or as a number; empty if none is."""
    told = {"rises": "+", "falls": MINUS}.get(str(value), sign(value))
    return told if told in ("+", MINUS) else ""


def _missed(row: Record, change: str, sure: str) -> bool:
    """Whether a sign was predicted, or guaranteed, and the other one measured."""
    predicted = {sign(row.get("predicted_sign")), sign(row.get("measured_sign"))}
    guaranteed = {promised(row.get(sure)), sign(row.get(change))}
    return {"+", MINUS} in (predicted, guaranteed)


def _says(row: str, col: str, change: str, key: tuple, found: list[Record]) -> str:
    measured = ", ".join(map(signed, column(found, change)[:8])) or "not known"
    return f"{label(row)} {plain(key[0])}, {label(col)} {plain(key[1])}: {measured}"


def largest(grids: Sequence[dict[Any, Cell]]) -> float:
    """The largest change of some grids, which share one scale of colour."""
    means = [abs(cell.mean) for found in grids for cell in found.values() if is_number(cell.mean)]
    return max(means, default=0.0)


def grid(
    title: str,
    found: dict[tuple[Any, Any], Cell],
    rows: Sequence[Any],
    cols: Sequence[Any],
    scale: float,
    *,
    row_title: str,
    col_title: str,
    under: dict[Any, str] | None = None,
) -> Record:
    """A grid as the page's template draws it, in the units of its view box.

    Args:
        title: the heading.
        found: cells by the values of row and column.
        rows: the values from top to bottom.
        cols: the values from left to right.
        scale: the change that has the full colour.
        row_title: what the rows are.
        col_title: what the columns are.
        under: what stands under the name of a row.
    """
    shown_rows, shown_cols = thinned(rows, MOST_LINES), thinned(cols, MOST_LINES)
    width = BROAD if len(shown_cols) > MANY else WIDTH
    wide = (width - LEFT - EDGE) / max(len(shown_cols), 1)
    high = min(40.0, max(24.0, wide * 0.8))
    at = {
        (r, c): found[key]
        for r, row in enumerate(shown_rows)
        for c, col in enumerate(shown_cols)
        if (key := (row, col)) in found
    }

    def x(place: float) -> float:
        return round(LEFT + place * wide, 1)

    def y(place: float) -> float:
        return round(TOP + place * high, 1)

    return {
        "title": title,
        "left": LEFT - 6,
        "width": width,
        "broad": width == BROAD,
        "center": (LEFT + width - EDGE) / 2,
        "height": round(TOP + len(shown_rows) * high + BOTTOM),
        "cells": [
            {"x": x(c), "y": y(r), "wide": round(wide, 1), "high": round(high, 1),
             "middle": x(c + 0.5), "base": y(r + (0.48 if wide >= SAYS_VALUE else 0.62)),
             "under": y(r + 0.86), "missed_x": x(c + 1), "missed_y": y(r),
             **_drawn(cell, scale, wide)}
            for (r, c), cell in at.items()
        ],
        "rows": [
            {"y": y(r + 0.5), "name": _name(row), "under": (under or {}).get(row)}
            for r, row in enumerate(shown_rows)
        ],
        "cols": [{"x": x(c + 0.5), "name": _name(col)} for c, col in enumerate(shown_cols)],
        "foot": y(len(shown_rows)),
        "row_title": row_title,
        "col_title": col_title,
        "outline": _path(_outline(at), x, y),
        "boundary": _path(_boundary(at), x, y),
        "text": _text(title, found),
        "left_out": len(shown_rows) < len(rows) or len(shown_cols) < len(cols),
    }  # fmt: skip


def _name(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else plain(value)[:9]


def _drawn(cell: Cell, scale: float, wide: float) -> Record:
    mean = cell.mean
    if not is_number(mean):
        return {"tone": "none", "share": 0, "mark": "", "value": "", "says": cell.says,
                "missed": False, "sure": False}  # fmt: skip
    share = PALEST + (FULL - PALEST) * abs(mean) / scale if scale else PALEST
    return {
        "tone": "up" if mean > 0 else "down",
        "share": round(share),
        "mark": cell.mark,
        "value": _size(abs(mean)) if wide >= SAYS_VALUE else "",
        "says": cell.says,
        "missed": cell.missed,
        "sure": cell.sure,
    }


def _size(value: float) -> str:
    """The size of a change in at most five characters."""
    if value >= 9.995:
        return f"{value:.0f}" if value < 1e4 else f"{value:.0e}"
    return f"{value:.2f}" if value >= 0.005 else "<.01"


def _outline(at: dict[Place, Cell]) -> list[tuple[Place, Place]]:
    """The sides of the cells of the region that have no other cell of it beyond them."""
    inside = {place for place, cell in at.items() if cell.inside}
    sides = []
    for r, c in sorted(inside):
        for (dr, dc), side in {
            (-1, 0): ((r, c), (r, c + 1)), (1, 0): ((r + 1, c), (r + 1, c + 1)),
            (0, -1): ((r, c), (r + 1, c)), (0, 1): ((r, c + 1), (r + 1, c + 1)),
        }.items():  # fmt: skip
            if (r + dr, c + dc) not in inside:
                sides.append(side)
    return sides


def _boundary(at: dict[Place, Cell]) -> list[tuple[Place, Place]]:
    """The sides between neighbours on either side of the boundary."""
    sides = []
    for (r, c), cell in at.items():
        for (dr, dc), start in {(0, 1): (r, c + 1), (1, 0): (r + 1, c)}.items():
            other = at.get((r + dr, c + dc))
            if other and None not in (cell.above, other.above) and cell.above != other.above:
                sides.append((start, (r + 1, c + 1)))
    return sides


def _path(sides: list[tuple[Place, Place]], x: Any, y: Any) -> str:
    return "".join(f"M{x(c)} {y(r)}L{x(d)} {y(q)}" for (r, c), (q, d) in sides)


def _text(title: str, found: dict[Any, Cell]) -> str:
    """A grid in one sentence."""
    marks = [cell.mark for cell in found.values() if cell.changes]
    values = [cell.mean for cell in found.values() if is_number(cell.mean)]
    if not values:
        return f"Heat map, {title}: nothing is known."
    return (
        f"Heat map, {title}: {marks.count('+')} of {len(marks)} cells rise, "
        f"{marks.count(MINUS)} fall; from {number(min(values))} to {number(max(values))}."
    )
