"""Strips: things compared in rows under each other, each with its seeds, their mean and range."""

from collections.abc import Sequence

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import Record, average, thinned
from coupling_bench.report.text import number

MOST_STRIPS = 40
BELOW = 0.12
"""How far below its mean a seed is drawn, in rows."""


def strips(
    title: str,
    says: str,
    rows: Sequence[tuple[str, Sequence[Sequence[float]]]],
    names: Sequence[str],
    axis: str,
    numbers: Record | None = None,
) -> Chart | None:
    """A row for each thing compared, its measures under each other; None if no value is known.

    Args:
        title: the heading.
        says: what is drawn.
        rows: the name of each row, and for each measure its values over the seeds.
        names: of the measures.
        axis: what the horizontal axis says.
        numbers: the table under the figure.
    """
    rows = [row for row in rows if any(row[1])]
    if not rows:
        return None
    shown = thinned(rows, MOST_STRIPS)
    series, labels = [], []
    for place, name in enumerate(names):
        shift = (place - (len(names) - 1) / 2) * 0.26
        at = [(y + shift, values[place]) for y, (_, values) in enumerate(shown)]
        means = [(middle, y, v) for y, v in at if (middle := average(v)) is not None]
        seeds = [(value, y + BELOW) for _, y, v in means for value in v if len(v) > 1]
        series.append(Series(
            name=f"{name}, each seed", x=[s[0] for s in seeds], y=[s[1] for s in seeds],
            size=5, faint=True, keyed=False, **style(place),
        ))  # fmt: skip
        labels += [_label(middle, y) for middle, y, _ in means]
        series.append(Series(
            name=name, x=[m[0] for m in means], y=[m[1] for m in means], size=9,
            spans=[(min(v), max(v)) for _, _, v in means], **style(place),
        ))  # fmt: skip
    ticks = [wrapped(name) for name, _ in shown]
    lines = 1 + max(tick.count("\n") for tick in ticks)
    drawn = chart(
        title, says, series, Axis(title=axis, zero=True), Axis(title="", ticks=ticks),
        height=90 + len(shown) * max(22 + 20 * len(names), 8 + 15 * lines), numbers=numbers,
        reading=f"Means: {_means(shown, names)}.",
    )  # fmt: skip
    drawn.notes.append("Large: mean, in figures at the right, and range over seeds. Small: seeds.")
    if drawn.plot:
        drawn.plot["layout"] |= {"annotations": labels}
        drawn.plot["layout"]["margin"]["r"] = 68
    if len(shown) < len(rows):
        drawn.notes.append(f"{len(shown)} of {len(rows)} rows are drawn; the record holds all.")
    return drawn


def _label(value: float, y: float) -> Record:
    """A mean in figures, to the right of its row."""
    return {
        "x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": y, "text": number(value),
        "showarrow": False, "font": {"size": 11},
    }  # fmt: skip


def _means(rows: Sequence[tuple[str, Sequence[Sequence[float]]]], names: Sequence[str]) -> str:
    """The means of strips in words, of the first rows alone where there are many."""
    return "; ".join(
        f"{row}: "
        + ", ".join(
            f"{name} {number(average(v))}" for name, v in zip(names, values, strict=True) if v
        )
        for row, values in rows[:12]
    )


def wrapped(text: str, width: int = 20) -> str:
    """A name on lines of about so many characters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[: 3 * width]
    return "\n".join(lines[:4])
