"""The thresholds of the map: where the loss must rise, and where the sign was seen to turn."""

from typing import Any

from coupling_bench.report.chapters.maps import sized
from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
    column,
    distinct,
    known,
    label,
    numbers,
    once,
    settings,
    table,
    thinned,
)
from coupling_bench.report.strips import wrapped
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import MINUS, counted, is_number, node, plain, sign

MOST_THRESHOLDS = 24
FELL, ROSE = (MINUS, "the loss fell", "down", "triangle-down"), (
    "+", "the loss rose", "up", "triangle-up",
)  # fmt: skip
OF_ALL = ("model", "task", "pipeline", "unit", "size", "crossing", "low", "high", "predicted")


def charts(record: Record) -> list[Chart]:
    """Sub-optimality against its threshold, and crossings by size, for each task."""
    cells = once(known(table(record, "map_sft_then_rl"), "loss_change", "lower_bound", "epsilon"))
    limits = [_threshold(where, rows) for where, rows in settings(cells, "task")]
    crossings = [
        _crossings(f"{node(pipeline)}{where}", plain(unit or ""), found)
        for where, rows in settings(once(table(record, "thresholds")), "task")
        for (pipeline, unit), found in grouped(rows, "pipeline", "unit").items()
        if known(found, "crossing")
    ]
    return [*limits, *crossings]


def _threshold(where: str, rows: list[Record]) -> Chart:
    """Sub-optimality against D6's limit: right of the diagonal the loss must rise."""
    series = []
    for key, name, tone, mark in (FELL, ROSE):
        found = [row for row in rows if sign(row["loss_change"]) == key]
        series.append(Series(
            name=name, x=column(found, "lower_bound"), y=column(found, "epsilon"), tone=tone,
            mark=mark, size=6,
        ))  # fmt: skip
    keys = ("size", "trainer", "beta", "rl_step", "label_noise", "sft_step", "seed", "lower_bound",
            "epsilon", "loss_change", "must_rise")  # fmt: skip
    return chart(
        f"Where the loss must rise{where}",
        "Below the line, ε < 2 (J_RL − J_D)² / w²: there no algorithm can lower the SFT loss (D6, "
        "derived). Above it both signs may occur.",
        series, Axis(title="2 (J_RL − J_D)² / w², nats", log=True), Axis(title="ε, nats", log=True),
        diagonal="the limit", numbers=numbers(rows, keys, "Each run"),
    )  # fmt: skip


def _crossings(where: str, unit: str, rows: list[Record]) -> Chart:
    """Where the sign turns by size, with its interval, beside where theory says."""
    fixed = [key for key in rows[0] if key not in (*OF_ALL, "seed")]
    found = sorted(known(rows, "crossing"), key=lambda row: [_size(row.get(key)) for key in fixed])
    sizes = distinct(rows, "size")
    fixed = [*(["size"] if len(sizes) != 1 else []), *fixed]
    shown = thinned(found, MOST_THRESHOLDS)
    expected = [(place, row) for place, row in enumerate(shown) if known([row], "predicted")]
    series = [
        Series(
            name="measured, with its interval", x=column(shown, "crossing"),
            y=[place - 0.12 for place in range(len(shown))], size=9, **style(0),
            spans=[(_end(row, "low"), _end(row, "high")) for row in shown],
        ),
        Series(
            name="predicted", x=[row["predicted"] for _, row in expected],
            y=[place + 0.12 for place, _ in expected], size=10, tone="no", mark="diamond",
        ),
    ]  # fmt: skip
    never = len(rows) - len(found)
    of = sized(sizes[0]) if len(sizes) == 1 else "models by size"
    says = f"The threshold of {of}; {unit or 'no unit'}."
    if never:
        says += f" In {counted(never, 'other place')} the sign never turned."
    if len(shown) < len(found):
        says += f" {len(shown)} of {len(found)} are drawn; the record holds all."
    keys = (*dict.fromkeys(("size", *fixed)), "crossing", "low", "high", "predicted", "unit")
    return chart(
        f"Where the sign turns: {where}", says, series, Axis(title=unit),
        Axis(title="", ticks=[wrapped(_named(row, fixed), 26) for row in shown]),
        height=110 + 46 * len(shown), numbers=numbers(rows, keys, "Thresholds"),
    )  # fmt: skip


def _named(row: Record, fixed: list[str]) -> str:
    """What a threshold is called: the model's size, if there are several, and what is fixed."""
    told = [
        sized(row[key]) if key == "size" else f"{label(key)} {plain(row[key])}"
        for key in fixed
        if row.get(key) is not None
    ]
    return ", ".join(told) or "all runs"


def _size(value: object) -> tuple[float, str]:
    """What values are sorted by: numbers by their size, and then the others."""
    return (value, "") if is_number(value) else (float("inf"), plain(value))


def _end(row: Record, key: str) -> Any:
    return row[key] if known([row], key) else row["crossing"]
