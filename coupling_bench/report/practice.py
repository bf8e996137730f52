"""What a run says to somebody who has such demonstrations: plain sentences, with their numbers."""

from collections.abc import Sequence

from coupling_bench.report.rows import Record, average, column, known, settings, table
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import counted, listed, node, number, plain

ORDERS = ("sft_then_rl", "rl_then_sft")


def sentences(record: Record) -> list[tuple[str, list[str]]]:
    """Sentences for each model and task, with what to put over them."""
    found: dict[str, list[str]] = {}
    paid = settings(known(table(record, "pareto"), "step", "loss_change", "reward_gain"))
    times = dict(settings(table(record, "duration")))
    for where, rows in paid:
        for (run,), here in grouped(rows, "run").items():
            best = [row for row in times.get(where, []) if row.get("run") == run]
            found.setdefault(where, []).append(_more_rl(run, here, best))
    for where, rows in settings(record["curves"]):
        for order in ORDERS:
            curves = [row for row in rows if row.get("pipeline") == order == row.get("node")]
            told = _second_stage(order, curves)
            if told and not (order == ORDERS[0] and where in found):
                found.setdefault(where, []).append(told)
    return [(where.removeprefix("; "), told) for where, told in found.items()]


def _more_rl(run: object, rows: list[Record], best: list[Record]) -> str:
    """What RL has cost and gained at its last step, and when it should have stopped."""
    ends = [max(found, key=lambda row: row["step"]) for found in grouped(rows, "seed").values()]
    steps = spanned(column(ends, "step"))
    told = (
        f"{node(run)}: with these demonstrations, {steps} more RL steps "
        f"{_change(column(ends, 'loss_change'), 'cost', 'save', 'nats of SFT loss')} and "
        f"{_change(column(ends, 'reward_gain'), 'gain', 'lose', 'reward')}, "
        f"over {counted(len(ends), 'seed')}."
    )
    by_weight = grouped(known(best, "observed"), "weight")
    optima = [
        f"step {spanned(column(found, 'observed'))} if a nat is worth {plain(weight)} reward"
        for (weight,), found in by_weight.items()
    ]
    if not optima:
        return told
    predicted = [column(found, "predicted") for found in by_weight.values()]
    foretold = listed([spanned(values) for values in predicted if values])
    foretold = f"; its first third foretold {foretold}" if foretold else ""
    return f"{told} The optimum was at {listed(optima)}{foretold}."


def _second_stage(order: str, curves: list[Record]) -> str | None:
    """What the second stage of an order did to loss and reward, and where reward was highest."""
    runs = [
        [dict(zip(("step", "loss", "reward"), point, strict=True)) for point in points]
        for row in curves
        if (
            points := list(
                zip(*(row.get(k) or [] for k in ("steps", "loss", "reward")), strict=False)
            )
        )
    ]
    runs = [known(run, "step", "loss", "reward") for run in runs]
    runs = [run for run in runs if len(run) > 1]
    if not runs:
        return None
    losses, rewards, steps = (
        [run[-1][key] - run[0][key] for run in runs] for key in ("loss", "reward", "step")
    )
    first, second = ("SFT", "RL") if order == ORDERS[0] else ("RL", "SFT")
    best = [max(run, key=lambda point: point["reward"])["step"] - run[0]["step"] for run in runs]
    return (
        f"{node(order)}: with these demonstrations, {spanned(steps)} more {second} steps after "
        f"{first} {_change(losses, 'cost', 'save', 'nats of SFT loss')} and "
        f"{_change(rewards, 'gain', 'lose', 'reward')}, over {counted(len(runs), 'seed')}. The "
        f"reward was highest at step {spanned(best)} of {second}."
    )


def _change(values: Sequence[float], up: str, down: str, unit: str) -> str:
    """A change in words, with its range over seeds; without a direction if seeds differ in it."""
    middle = average(values)
    low, high = min(values), max(values)
    if middle is None or low < 0 < high:
        return (
            f"change {'the reward' if unit == 'reward' else 'the SFT loss'} by "
            + spread(middle, low, high, "+")
            + ("" if unit == "reward" else " nats")
        )
    if low < 0:
        return f"{down} {spread(-middle, -high, -low)} {unit}"
    return f"{up} {spread(middle, low, high)} {unit}"


def spread(middle: float | None, low: float, high: float, sign: str = "-") -> str:
    """A mean with its range."""
    if low == high:
        return number(middle, sign)
    return f"{number(middle, sign)} ({number(low, sign)} to {number(high, sign)})"


def spanned(values: Sequence[float]) -> str:
    """A count of steps, as a range where seeds differ."""
    low, high = (f"{round(value):,}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
