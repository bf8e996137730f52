"""Charts of points and lines from plain numbers, with a key, and the numbers under them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from math import ceil, copysign, log10
from statistics import median
from typing import Any

from coupling_bench.report.drawing import DASHES, MARKS, PATHS, TONES, frame
from coupling_bench.report.rows import MOST_POINTS, Record, thinned
from coupling_bench.report.text import counted, is_number

ON_PAPER = 310
LINEAR = 0.01


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points that belong together, drawn as marks, as a line, or as both."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    tone: str = "sft"
    mark: str | None = "circle"
    dash: str | None = None
    """plotly's name of a line's pattern; None for no line."""
    spans: Sequence[tuple[float, float]] | None = None
    """The ends of a horizontal bar at each point."""
    fill: bool = False
    """Whether the area down to the series before is shaded."""
    size: float = 8
    faint: bool = False
    keyed: bool = True
    """Whether the key names it: of several lines of one name one is enough."""
    said: str = ""
    """What a hover adds to the name, such as the seed."""
    texts: Sequence[str] | None = None
    """What a hover says of each point."""
    letter: str = ""
    """A letter beside each point, in place of a mark."""
    letter_side: str = "right"
    whole: bool = False
    """Whether all points are drawn, however many there are."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What an axis says, and how it is spaced."""

    title: str
    log: bool = False
    ticks: Sequence[str] | None = None
    """Names of the places 0, 1, ..., from the top down."""
    zero: bool = False
    """Whether a line marks zero."""
    signed: bool = False
    """Whether it is logarithmic on both sides of zero, and linear within ``LINEAR`` of it."""

    def places(self, values: Sequence[float]) -> Sequence[float]:
        """Where values lie along the axis, in plotly's units."""
        if not self.signed:
            return values
        return [copysign(log10(1 + abs(value) / LINEAR), value) for value in values]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """All that the page shows of one figure."""

    title: str
    says: str
    text: str = ""
    """The figure in a sentence, for a reader who does not see it."""
    plot: Record | None = None
    key: list[Record] = field(default_factory=list)
    grids: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    numbers: Record | None = None
    scale: str = ""
    """The change that has the full colour in its grids."""
    boundary: str = ""
    """What the thick line in its grids is."""
    wide: bool = False

    @property
    def missed(self) -> bool:
        """Whether a prediction failed in a cell of its grids."""
        return any(cell["missed"] for grid in self.grids for cell in grid["cells"])

    @property
    def sure(self) -> bool:
        """Whether a sign is guaranteed in a cell of its grids."""
        return any(cell["sure"] for grid in self.grids for cell in grid["cells"])


def is_skewed(values: Sequence[float]) -> bool:
    """Whether a linear axis would press most values together, for the sake of a few."""
    sizes = [abs(value) for value in values if value]
    return bool(sizes) and max(sizes) > 20 * median(sizes)


def style(place: int) -> dict[str, Any]:
    """The colour and the mark of the series at a place."""
    return {"tone": TONES[place % len(TONES)], "mark": MARKS[place % len(MARKS)]}


def chart(
    title: str,
    says: str,
    series: list[Series],
    x: Axis,
    y: Axis,
    *,
    diagonal: str = "",
    height: int = 376,
    numbers: Record | None = None,
    reading: str = "",
) -> Chart:
    """A figure of some series, with its key and with a note on what is not drawn.

    Args:
        title: the heading.
        says: what is drawn, in a sentence or two.
        series: what is drawn, in this order.
        x: the horizontal axis.
        y: the vertical axis.
        diagonal: the name of the line on which both axes are equal; none if empty.
        height: in pixels.
        numbers: the table under the figure.
        reading: what the figure shows, in a sentence.
    """
    placed, notes = _placed(series, x, y)
    if diagonal and any(one.x for one in placed):
        ends = [value for one in placed for value in (*one.x, *one.y)]
        span = [min(ends), max(ends)]
        line = Series(name=diagonal, x=span, y=span, tone="muted", mark=None, dash="dash")
        placed = [line, *placed]
    layout = frame(escape(x.title), escape(y.title), height=height)
    for name, axis in (("xaxis", x), ("yaxis", y)):
        values = [v for one in placed for v in (one.x if name == "xaxis" else one.y)]
        layout[name] |= _scale(axis, values)
    layout["margin"] = {**layout["margin"], "t": 32}
    plot = {"data": [_trace(one, x, y) for one in placed], "layout": layout, "paper": ON_PAPER}
    shown = ", ".join(dict.fromkeys(one.name for one in placed))
    return Chart(
        title=title, says=says, plot=plot, key=_key(placed), notes=notes, numbers=numbers,
        text=f"Chart of {y.title or 'each row'} by {x.title}: {shown}. {reading}".strip(),
    )  # fmt: skip


def _placed(series: list[Series], x: Axis, y: Axis) -> tuple[list[Series], list[str]]:
    """Series without what an axis has no place for, thinned out, and a note on either."""
    placed, lost, drawn, whole = [], 0, 0, 0
    for one in series:
        there = [
            n
            for n, point in enumerate(zip(one.x, one.y, strict=True))
            if _has_place(point[0], x) and _has_place(point[1], y)
        ]
        lost += len(one.x) - len(there)
        kept = there if one.whole else thinned(there, MOST_POINTS)
        drawn, whole = drawn + len(kept), whole + len(there)
        placed.append(replace(
            one, x=[one.x[n] for n in kept], y=[one.y[n] for n in kept],
            spans=[one.spans[n] for n in kept] if one.spans else None,
            texts=[one.texts[n] for n in kept] if one.texts else None,
        ))  # fmt: skip
    notes = []
    if drawn < whole:
        notes.append(
            f"{drawn:,} of {whole:,} points are drawn, evenly spaced along each line; "
            "the record holds all."
        )
    if x.signed or y.signed:
        notes.append(
            f"Axes are logarithmic on both sides of zero, and linear within {LINEAR} of it."
        )
    if lost:
        notes.append(f"{counted(lost, 'point')} at or below zero: no place on a logarithmic axis.")
    return placed, notes


def _has_place(value: object, axis: Axis) -> bool:
    return is_number(value) and (value > 0 or not axis.log)


def _trace(one: Series, x: Axis, y: Axis) -> Record:
    colour = f"var(--{one.tone})"
    # plotly reads tags in a hover text; a name from the record must stay a name.
    who = "<br>".join(filter(None, (escape(one.name), escape(one.said))))
    across, up = ("customdata[0]", "customdata[1]") if x.signed or y.signed else ("x", "y")
    vertical = "" if y.ticks or not y.title else f"<br>{escape(y.title)} %{{{up}:.4~g}}"
    text = "<br>%{text}" if one.texts else ""
    trace: Record = {
        "type": "scatter", "x": x.places(one.x), "y": y.places(one.y),
        "mode": "+".join(name for name, there in
                         (("lines", one.dash), ("markers", one.mark), ("text", one.letter))
                         if there),
        "hovertemplate": f"{who}{text}<br>{escape(x.title)} %{{{across}:.4~g}}{vertical}"
        "<extra></extra>",
        "opacity": 0.45 if one.faint else 1,
    }  # fmt: skip
    if x.signed or y.signed:
        trace["customdata"] = list(zip(one.x, one.y, strict=True))
    if one.texts:
        trace["text"] = [escape(text) for text in one.texts]
    if one.letter:
        trace |= {
            "text": [one.letter] * len(one.x), "textposition": f"middle {one.letter_side}",
            "textfont": {"color": colour, "size": one.size}, "hoverinfo": "skip",
        }  # fmt: skip
        del trace["hovertemplate"]
    if one.dash:
        trace["line"] = {"color": colour, "width": 1.75, "dash": one.dash}
    if one.mark:
        line = {"color": colour, "width": 2 if one.mark == "line-ns-open" else 0}
        trace["marker"] = {"color": colour, "symbol": one.mark, "size": one.size, "line": line}
    if one.fill:
        trace |= {"fill": "tonexty", "fillcolor": "var(--shade)"}
    if one.spans:
        middles = x.places(one.x)
        lows, highs = (x.places([span[end] for span in one.spans]) for end in (0, 1))
        trace["error_x"] = {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 4,
            "array": [_length(p, q) for p, q in zip(middles, highs, strict=True)],
            "arrayminus": [_length(p, q) for p, q in zip(lows, middles, strict=True)],
        }  # fmt: skip
    return trace


def _length(start: float, end: float) -> float:
    """The length of a bar; none if an end of it is not known."""
    known = is_number(start) and is_number(end) and is_number(end - start)
    return end - start if known else 0


def _scale(axis: Axis, values: list[float]) -> Record:
    scale: Record = {"tickformat": "~g"}
    if axis.ticks is not None:
        places = list(range(len(axis.ticks)))
        names = [escape(name).replace("\n", "<br>") for name in axis.ticks]
        return {"tickvals": places, "ticktext": names, "range": [len(places) - 0.4, -0.6]}
    if axis.signed:
        most = max(map(abs, values), default=1)
        powers = range(-1, min(1 + ceil(log10(max(most, 1))), 308))
        sizes = [10.0**n for n in powers if 10.0**n <= 2 * most]
        ticks = [*(-size for size in reversed(sizes)), 0.0, *sizes]
        labels = [f"{tick:g}".replace("-", "−") for tick in ticks]
        return {"tickvals": axis.places(ticks), "ticktext": labels}
    if axis.zero:
        scale |= {"zeroline": True, "zerolinecolor": "var(--ink)", "zerolinewidth": 1}
    if axis.log and values:
        decades = log10(max(values)) - log10(min(values))
        # Left to itself, plotly labels all nine lines of a decade, one over the other.
        scale |= {"type": "log", "dtick": "D2" if decades < 1.5 else ceil(decades / 6)}
    return scale


def _key(series: list[Series]) -> list[Record]:
    """What the key shows: each name once, with its line and its mark."""
    named: dict[str, Series] = {}
    for one in series:
        if one.keyed and one.x:
            named.setdefault(one.name, one)
    return [
        {
            "name": one.name, "tone": one.tone, "faint": one.faint, "bar": bool(one.spans),
            "path": PATHS.get(one.mark or ""), "fill": one.fill,
            "dash": None if one.dash is None else DASHES.get(one.dash, ""),
        }
        for one in named.values()
    ]  # fmt: skip
