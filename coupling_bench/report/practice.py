"""What a run says to somebody who has such demonstrations: plain sentences, with their numbers."""

from collections.abc import Sequence

from coupling_bench.report.chapters.duration import by_price
from coupling_bench.report.rows import Record, average, column, known, once, table
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import capitalized, counted, listed, node, plain, ranged

ORDERS = ("sft_then_rl", "rl_then_sft")


def sentences(record: Record) -> list[tuple[str, list[str]]]:
    """Sentences for each model and task, with the names of the two."""
    paid = grouped(
        known(table(record, "pareto"), "step", "loss_change", "reward_gain"), "model", "task"
    )
    times = grouped(once(table(record, "duration")), "model", "task")
    curves = grouped(record["curves"], "model", "task")
    found = {}
    for setting in dict.fromkeys([*paid, *curves]):
        told = [
            _more_rl(run, rows, [row for row in times.get(setting, []) if row.get("run") == run])
            for (run,), rows in grouped(paid.get(setting, []), "run").items()
        ]
        for order in ORDERS[bool(told) :]:  # the first is told already, if there is a front
            of_order = [
                row
                for row in curves.get(setting, [])
                if row.get("pipeline") == order == row.get("node")
            ]
            told += _second_stage(order, of_order)
        found[", ".join(map(plain, setting))] = told
    return [(setting, told) for setting, told in found.items() if told]


def _more_rl(run: object, rows: list[Record], best: list[Record]) -> str:
    """What RL has cost and gained at its last step, and when it should have stopped."""
    ends = [max(found, key=lambda row: row["step"]) for found in grouped(rows, "seed").values()]
    steps = spanned(column(ends, "step"))
    told = (
        f"{capitalized(node(run))}: with these demonstrations, {steps} more RL steps "
        f"{_change(column(ends, 'loss_change'), 'cost', 'save', 'nats of SFT loss')} and "
        f"{_change(column(ends, 'reward_gain'), 'gain', 'lose', 'reward')}, "
        f"over {counted(len(ends), 'seed')}."
    )
    prices = by_price(known(best, "observed"))
    optima = [
        f"step {spanned(column(found, 'observed'))} if a nat is worth {price} reward"
        for price, found in prices
    ]
    if not optima:
        return told
    predicted = [column(found, "predicted") for _, found in prices]
    fitted = listed([spanned(values) for values in predicted if values])
    fitted = f"; a fit to the run’s first third gives {fitted}" if fitted else ""
    return f"{told} The optimum was at {listed(optima)}{fitted}."


def _second_stage(order: str, curves: list[Record]) -> list[str]:
    """What the second stage of an order did to loss and reward, and where reward was highest."""
    runs = [points for row in curves if len(points := _points(row)) > 1]
    if not runs:
        return []
    losses, rewards, steps = (
        [run[-1][key] - run[0][key] for run in runs] for key in ("loss", "reward", "steps")
    )
    first, second = ("SFT", "RL") if order == ORDERS[0] else ("RL", "SFT")
    best = [max(run, key=lambda point: point["reward"])["steps"] - run[0]["steps"] for run in runs]
    return [
        f"{node(order)}: with these demonstrations, {spanned(steps)} more {second} steps after "
        f"{first} {_change(losses, 'cost', 'save', 'nats of SFT loss')} and "
        f"{_change(rewards, 'gain', 'lose', 'reward')}, over {counted(len(runs), 'seed')}. The "
        f"reward was highest at step {spanned(best)} of {second}."
    ]


def _points(curve: Record) -> list[Record]:
    """The points of a curve that are known in full."""
    keys = ("steps", "loss", "reward")
    points = zip(*(curve.get(key) or [] for key in keys), strict=False)
    return known((dict(zip(keys, point, strict=True)) for point in points), *keys)


def _change(values: Sequence[float], up: str, down: str, unit: str) -> str:
    """A change in words, with its range over seeds; without a direction if seeds differ in it."""
    middle = average(values)
    low, high = min(values), max(values)
    if middle is None or low < 0 < high:
        return (
            f"change {'the reward' if unit == 'reward' else 'the SFT loss'} by "
            + ranged(middle, low, high, "+")
            + ("" if unit == "reward" else " nats")
        )
    if low < 0:
        return f"{down} {ranged(-middle, -high, -low)} {unit}"
    return f"{up} {ranged(middle, low, high)} {unit}"


def spanned(values: Sequence[float]) -> str:
    """A count of steps, as a range where seeds differ."""
    low, high = (f"{round(value):,}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
