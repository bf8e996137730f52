"""The derived results on the landscape of the SFT loss along RL, as figures."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
    average,
    column,
    known,
    mean,
    numbers,
    once,
    settings,
    table,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import number, plain, words

LOSS = "ΔL, nats/sequence"


def charts(record: Record) -> list[Chart]:
    """All figures that there are rows for, for each model and task."""
    drawn: list[Chart | None] = []
    for name, draw in (
        ("second_order", _second_order), ("pl_slopes", _slopes),
    ):  # fmt: skip
        for where, rows in settings(once(table(record, name))):
            drawn += draw(where, rows)
    return [one for one in drawn if one]


def _second_order(where: str, rows: list[Record]) -> list[Chart | None]:
    keys = ("seed", "step", "distance", "loss_change", "second_order", "lower", "upper",
            "upper_by_pl")  # fmt: skip
    of_all = numbers(rows, keys, "By seed and step")
    points = known(rows, "second_order", "loss_change")
    series = [
        Series(name=f"seed {plain(seed)}", x=column(found, "second_order"),
               y=column(found, "loss_change"), size=6, **style(place))
        for place, ((seed,), found) in enumerate(grouped(points, "seed").items())
    ]  # fmt: skip
    predicted = chart(
        f"Second-order prediction of the loss{where}",
        "Gradient and curvature of the SFT loss where RL starts, against its measured change.",
        series, Axis(title=f"second-order {LOSS}"), Axis(title=f"measured {LOSS}"),
        diagonal="predicted = measured", numbers=of_all,
    )  # fmt: skip
    between = known(rows, "distance", "loss_change", "lower", "upper")
    return [predicted if points else None, _sandwich(where, between, of_all) if between else None]


def _sandwich(where: str, rows: list[Record], of_all: Record) -> Chart:
    series, by_seed = [], grouped(rows, "seed")
    for (seed,), found in by_seed.items():
        found = sorted(found, key=lambda row: row["distance"])
        x, said = column(found, "distance"), f"seed {plain(seed)}"
        for name, key, dash in (("upper bound", "upper", "dash"), ("lower bound", "lower", "dot")):
            series.append(Series(
                name=name, x=x, y=column(found, key), tone="muted", mark=None, dash=dash,
                fill=key == "lower" and len(by_seed) < 3, said=said,
            ))  # fmt: skip
        series.append(
            Series(name="measured", x=x, y=column(found, "loss_change"), size=6, said=said)
        )
    outside = sum(not row["lower"] <= row["loss_change"] <= row["upper"] for row in rows)
    return chart(
        f"The loss between its bounds{where}",
        "Smoothness bounds the change of the loss from above, the PL inequality from below, with "
        f"constants from SFT’s own path. Outside: {outside} of {len(rows)} points.",
        series, Axis(title="distance from the start of RL"), Axis(title=LOSS), numbers=of_all,
    )  # fmt: skip


def _slopes(where: str, rows: list[Record]) -> list[Chart | None]:
    points = known(rows, "sub_optimality", "squared_gradient")
    points = [r for r in points if r["sub_optimality"] > 0 and r["squared_gradient"] > 0]
    if not points:
        return []
    series = []
    for place, ((arm,), found) in enumerate(grouped(points, "arm").items()):
        by_seed = grouped(found, "seed")
        slopes = [s for here in by_seed.values() if (s := mean(here, "slope")) is not None]
        name = f"{words(plain(arm))}, slope {number(average(slopes))}"
        if len(slopes) > 1:
            name += f" ({number(min(slopes))} to {number(max(slopes))})"
        series += [
            Series(name=name, x=column(here, "sub_optimality"), y=column(here, "squared_gradient"),
                   dash="solid", size=5, said=f"seed {plain(seed)}", **style(place))
            for (seed,), here in by_seed.items()
        ]  # fmt: skip
    top = max(points, key=lambda row: row["sub_optimality"])
    least = min(column(points, "sub_optimality"))
    ends = [least, top["sub_optimality"]]
    for slope, dash in ((1, "dot"), (2, "dash")):
        foot = top["squared_gradient"] * (least / top["sub_optimality"]) ** slope
        series.append(Series(
            name=f"slope {slope}", x=ends, y=[foot, top["squared_gradient"]], tone="muted",
            mark=None, dash=dash,
        ))  # fmt: skip
    keys = ("arm", "seed", "step", "sub_optimality", "squared_gradient", "slope")
    return [chart(
        f"Does the PL inequality hold?{where}",
        "It asks for a slope of 1: the squared gradient falls no faster than the distance from "
        "the lowest loss. A slope of 2 breaks it.",
        series, Axis(title="L − L*, nats", log=True), Axis(title="‖∇L‖²", log=True),
        numbers=numbers(rows, keys, "By arm, seed and step"),
    )]  # fmt: skip
