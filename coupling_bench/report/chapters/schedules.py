"""Schedules of SFT and RL: where each ends in loss and reward, and which lie on the front."""

from dataclasses import replace

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.drawing import MARKS, TONES
from coupling_bench.report.rows import Record, column, known, numbers, once, settings, table
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import counted, node, number

KEYS = ("schedule", "step", "loss", "loss_low", "loss_high", "reward", "reward_low", "reward_high",
        "on_front", "demonstrations", "completions", "optimizer_steps", "seeds")  # fmt: skip
MANY = 8
"""More schedules than this get the width of the page."""


def charts(record: Record) -> list[Chart]:
    """The front, and losses at equal reward, for each model and task."""
    drawn: list[Chart | None] = []
    for where, rows in settings(known(once(table(record, "schedules")), "loss", "reward")):
        drawn.append(_front(where, rows))
    for where, rows in settings(once(table(record, "equal_reward"))):
        by_schedule = grouped(rows, "schedule", "against")
        drawn.append(strips(
            f"What RL loses at equal reward{where}",
            "SFT loss of RL that is held to SFT minus that of RL alone, where both have earned the "
            "same: left of zero it loses less.",
            [(f"{node(held)} against {node(other)}", [column(found, "loss_difference")])
             for (held, other), found in by_schedule.items()],
            ["difference"], "difference of the SFT loss, nats/sequence",
            numbers(rows, ("schedule", "against", "seed", "reward", "loss_difference"),
                    "Each schedule, by seed"),
        ))  # fmt: skip
    return [one for one in drawn if one]


def _front(where: str, rows: list[Record]) -> Chart:
    """Loss against reward: each schedule's way, its end with both intervals, and the front."""
    series: list[Series] = []
    ends: list[Record] = []
    for place, ((name,), found) in enumerate(grouped(rows, "schedule").items()):
        found = sorted(known(found, "step"), key=lambda row: row["step"])
        looks = {**style(place), "mark": MARKS[(place + place // len(TONES)) % len(MARKS)]}
        series.append(Series(
            name=node(name), x=column(found, "loss"), y=column(found, "reward"), dash="dot",
            size=4, faint=True, keyed=False, tone=looks["tone"], mark=looks["mark"],
        ))  # fmt: skip
        last = [row for row in found if row.get("end") is True]
        ends += last
        series.append(Series(
            name=node(name), x=column(last, "loss"), y=column(last, "reward"), size=11,
            spans=[_span(row, "loss") for row in last], **looks,
        ))  # fmt: skip
        series += [
            Series(name=node(name), x=[row["loss"]] * 2, y=_span(row, "reward"), dash="solid",
                   mark=None, keyed=False, tone=looks["tone"])
            for row in last
        ]  # fmt: skip
    front = sorted((row for row in rows if row.get("on_front") is True), key=lambda r: r["loss"])
    series.append(Series(
        name="front of all means", x=column(front, "loss"), y=column(front, "reward"), mark=None,
        dash="dash", tone="muted",
    ))  # fmt: skip
    reached = "; ".join(
        f"{node(row.get('schedule'))} loss {number(row['loss'])}, reward {number(row['reward'])}"
        for row in ends[:12]
    )
    drawn = chart(
        f"Loss and reward of every schedule{where}",
        "Small: after each snapshot, from the base on. Large: the end, with 95 % intervals over "
        f"seeds both ways. {counted(len(ends), 'schedule')}; up and to the left is better.",
        series, Axis(title="SFT loss, nats/sequence"), Axis(title="reward"), height=460,
        numbers=numbers(rows, KEYS, "Each schedule after each snapshot"),
        reading=f"Ends: {reached}.",
    )  # fmt: skip
    return replace(drawn, wide=len(ends) > MANY)


def _span(row: Record, key: str) -> tuple[float, float]:
    """The ends of an interval; the value itself where there is none."""
    inside = known([row], f"{key}_low", f"{key}_high")
    return (row[f"{key}_low"], row[f"{key}_high"]) if inside else (row[key], row[key])
