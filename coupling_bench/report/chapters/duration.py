"""How long RL should last: the front of reward against loss, and the predicted best step."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
    average,
    column,
    known,
    numbers,
    once,
    settings,
    table,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import counted, node, plain, ranged

MOST_RUNS = 4


def charts(record: Record) -> list[Chart]:
    """A front for each run, and predicted against observed best steps."""
    times = once(table(record, "duration"))
    drawn = []
    for where, rows in settings(known(once(table(record, "pareto")), "loss_change", "reward_gain")):
        runs = grouped(rows, "model", "task", "run")
        for key, found in list(runs.items())[:MOST_RUNS]:
            best = grouped(times, "model", "task", "run").get(key, [])
            drawn.append(_front(f"{node(key[-1])}{where}", found, best))
        if len(runs) > MOST_RUNS:
            left_out = len(runs) - MOST_RUNS
            drawn[-1].notes.append(f"{counted(left_out, 'run')} not drawn; the record holds all.")
    for where, rows in settings(times):
        if points := known(rows, "predicted", "observed"):
            drawn.append(_predicted(where, rows, points))
    return drawn


def by_price(rows: list[Record]) -> list[tuple[str, list[Record]]]:
    """Rows by what a nat of loss is worth: each run and seed has a least price, a next, ...

    Prices may be each seed's own, such as the rate at which its whole run exchanged the two.
    """
    ranks: dict[int, list[Record]] = {}
    for same in grouped(known(rows, "weight"), "model", "task", "run", "seed").values():
        for rank, row in enumerate(sorted(same, key=lambda row: row["weight"])):
            ranks.setdefault(rank, []).append(row)
    prices = [column(found, "weight") for found in ranks.values()]
    return [
        (ranged(average(price), min(price), max(price)), found)
        for price, found in zip(prices, ranks.values(), strict=True)
    ]


def _front(name: str, rows: list[Record], best: list[Record]) -> Chart:
    series = []
    for (seed,), found in grouped(rows, "seed").items():
        found = sorted(found, key=lambda row: row["step"] if known([row], "step") else 0)
        series.append(Series(
            name="one seed", x=column(found, "loss_change"), y=column(found, "reward_gain"),
            dash="solid", size=5, said=f"seed {plain(seed)}",
        ))  # fmt: skip
    for key, said, place in (
        ("observed", "best step, observed", 1),
        ("predicted", "best step, predicted", 4),
    ):
        at = [row for one in known(best, key) if (row := _nearest(rows, one, key))]
        series.append(Series(
            name=said, x=column(at, "loss_change"), y=column(at, "reward_gain"), size=11,
            **style(place),
        ))  # fmt: skip
    keys = ("seed", "step", "reward_gain", "loss_change", "on_front")
    return chart(
        f"Reward gained and loss paid: {name}",
        "Each line is one seed over RL’s steps. Best steps are those of the weights in the table "
        "of predicted steps; a predicted one is drawn at the nearest step that was measured.",
        series, Axis(title="ΔL, nats/sequence"), Axis(title="reward gained"),
        numbers=numbers(rows, keys, name),
    )  # fmt: skip


def _nearest(rows: list[Record], best: Record, key: str) -> Record | None:
    """The row of the same seed whose step is nearest to a best step."""
    same = [row for row in known(rows, "step") if row.get("seed") == best.get("seed")]
    return min(same, key=lambda row: abs(row["step"] - best[key]), default=None)


def _predicted(where: str, rows: list[Record], points: list[Record]) -> Chart:
    series = [
        Series(name=f"{price} reward a nat", x=column(found, "predicted"),
               y=column(found, "observed"), **style(place))
        for place, (price, found) in enumerate(by_price(points))
    ]  # fmt: skip
    quadratic = known(points, "quadratic")
    series.append(Series(
        name="from the derivatives at the start, all weights", x=column(quadratic, "quadratic"),
        y=column(quadratic, "observed"), tone="muted", mark="cross", size=6,
    ))  # fmt: skip
    ends = [row[key] for row in points for key in ("predicted", "observed")]
    low, high = max(min(ends), 1), max(max(ends), 1)
    series += [
        Series(name="a factor of 2", x=[low, high], y=[low * factor, high * factor], tone="muted",
               mark=None, dash="dot")
        for factor in (0.5, 2)
    ]  # fmt: skip
    keys = ("run", "seed", "weight", "predicted", "quadratic", "observed", "last")
    return chart(
        f"When to stop RL{where}",
        "The step that is best for a weight of the loss, predicted from the first third of a run "
        "and observed.",
        series, Axis(title="predicted step"), Axis(title="observed step"),
        diagonal="predicted = observed", numbers=numbers(rows, keys, "Best steps"),
    )  # fmt: skip
