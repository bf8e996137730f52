"""The map: where each order raises the loss or lowers the reward, predicted and measured."""

from typing import Any

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.grids import Cell, cells, grid, largest
from coupling_bench.report.rows import (
    Record,
    averaged,
    column,
    distinct,
    known,
    mean,
    numbers,
    settings,
    table,
    thinned,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import MINUS, counted, node, number, plain, sign, words

MOST_GRIDS = 18
FORWARD = ("size", "trainer", "beta", "rl_step", "label_noise", "sft_step", "seeds", "epsilon",
           "demonstrator_reward", "reward_before", "reward", "loss_change", "kl_demonstrators_rl",
           "lower_bound", "must_rise", "predicted_sign", "measured_sign")  # fmt: skip
BACK = ("size", "rl_step", "label_noise", "sft_step", "seeds", "demonstrator_reward",
        "reward_before", "reward", "reward_change", "predicted_sign", "measured_sign")  # fmt: skip


def charts(record: Record) -> list[Chart]:
    """Both maps and the thresholds that they show, for each model and task."""
    there = settings(known(table(record, "map_sft_then_rl"), "loss_change"))
    back = settings(known(table(record, "map_rl_then_sft"), "reward_change"))
    turns = settings(known(table(record, "thresholds"), "crossing"))
    forward = [
        _forward(f"{_how(trainer, beta)}{where}", found)
        for where, rows in there
        for (trainer, beta), found in grouped(rows, "trainer", "beta").items()
    ]
    limits = [_threshold(where, known(rows, "lower_bound", "epsilon")) for where, rows in there]
    crossings = [
        _crossings(f"{node(pipeline)}{where}", plain(unit or ""), found)
        for where, rows in turns
        for (pipeline, unit), found in grouped(rows, "pipeline", "unit").items()
    ]
    backward = [_back(where, rows) for where, rows in back]
    return [*forward, *backward, *(one for one in limits if one), *crossings]


def _how(trainer: object, beta: object) -> str:
    """How RL was run, in the words of a title."""
    told = [] if trainer is None else [f"; {plain(trainer)} gradient"]
    return "".join([*told, *([] if beta is None else [f", β = {plain(beta)}"])])


def _forward(where: str, rows: list[Record]) -> Chart:
    sizes, budgets = distinct(rows, "size") or [None], distinct(rows, "rl_step") or [None]
    shown = thinned(budgets, max(2, MOST_GRIDS // len(sizes)))
    panels = {
        (size, budget): cells(
            found, "sft_step", "label_noise", "loss_change", inside="must_rise", above=_rises
        )
        for (size, budget), found in grouped(rows, "size", "rl_step").items()
        if budget in shown
    }
    notes = []
    if len(shown) < len(budgets):
        notes.append(f"{len(shown)} of {len(budgets)} RL budgets are drawn; the record holds all.")
    by = ("model", "task", "size", "trainer", "beta", "rl_step", "label_noise", "sft_step")
    return _map(
        f"RL after SFT: change of the SFT loss{where}",
        f"{_right(rows)} {_must_rise(rows)}",
        panels, rows, notes, numbers(averaged(rows, *by), FORWARD, "Means over the seeds"),
    )  # fmt: skip


def _back(where: str, rows: list[Record]) -> Chart:
    panels = {
        (size, budget): cells(found, "sft_step", "label_noise", "reward_change", above=_better)
        for (size, budget), found in grouped(rows, "size", "rl_step").items()
    }
    by = ("model", "task", "size", "rl_step", "label_noise", "sft_step")
    return _map(
        f"SFT after RL: change of the reward{where}", _right(rows), panels, rows, [],
        numbers(averaged(rows, *by), BACK, "Means over the seeds"),
    )  # fmt: skip


def _map(
    title: str, says: str, panels: dict[Any, dict[Any, Cell]], rows: list[Record],
    notes: list[str], of_all: Record,
) -> Chart:  # fmt: skip
    scale = largest(list(panels.values()))
    steps, noises = distinct(rows, "sft_step"), distinct(rows, "label_noise")
    under = {}
    for (step,), found in grouped(known(rows, "epsilon"), "sft_step").items():
        under[step] = f"ε {number(mean(found, 'epsilon'))}"
    grids = [
        grid(
            _panel(size, budget), found, steps, noises, scale,
            row_title="SFT steps" + (", mean ε" if under else ""), col_title="label noise",
            under=under,
        )
        for (size, budget), found in panels.items()
    ]  # fmt: skip
    if any(one["left_out"] for one in grids):
        notes = [*notes, "Rows and columns of the grids are thinned out; the record holds all."]
    return Chart(
        title=title, says=says, grids=grids, notes=notes, numbers=of_all, wide=True,
        text=number(scale),
    )  # fmt: skip


def _panel(size: object, budget: object) -> str:
    told = [f"size {plain(size)}"] * (size is not None)
    told += [f"{plain(budget)} RL steps"] * (budget is not None)
    return ", ".join(told) or "all runs"


def _rises(rows: list[Record]) -> bool | None:
    """Whether the exact criterion says that the loss rises: epsilon < KL(p_D || p_RL)."""
    divergence, epsilon = mean(rows, "kl_demonstrators_rl"), mean(rows, "epsilon")
    return None if divergence is None or epsilon is None else epsilon < divergence


def _better(rows: list[Record]) -> bool | None:
    """Whether the demonstrators earn more than the policy that RL has made."""
    theirs, ours = mean(rows, "demonstrator_reward"), mean(rows, "reward_before")
    return None if theirs is None or ours is None else theirs > ours


def _right(rows: list[Record]) -> str:
    """How often the predicted sign is the measured one."""
    signs = [(sign(row.get("predicted_sign")), sign(row.get("measured_sign"))) for row in rows]
    told = [(one, other) for one, other in signs if {one, other} <= {"+", MINUS, "0"}]
    right = sum(one == other for one, other in told)
    return (
        f"The predicted sign is the measured one in {right:,} of {len(told):,} runs."
        if told
        else ""
    )


def _must_rise(rows: list[Record]) -> str:
    """What became of the loss where D6 says that it must rise."""
    inside = [row for row in rows if row.get("must_rise") is True]
    fell = sum(row["loss_change"] <= 0 for row in inside)
    if not inside:
        return "No run lies where the loss must rise whatever the algorithm (D6)."
    return (
        f"{counted(len(inside), 'run')} where the loss must rise whatever the algorithm (D6): it "
        f"fell in {fell or 'none'}."
    )


def _threshold(where: str, rows: list[Record]) -> Chart | None:
    """Sub-optimality against D6's limit: right of the diagonal the loss must rise."""
    if not rows:
        return None
    names = {
        "+": ("the loss rose", "no", "triangle-up"),
        MINUS: ("the loss fell", "sft", "triangle-down"),
    }
    series = [
        Series(name=name, x=column(found, "lower_bound"), y=column(found, "epsilon"), tone=tone,
               mark=mark, size=6)
        for key, (name, tone, mark) in names.items()
        for found in [[row for row in rows if sign(row["loss_change"]) == key]]
    ]  # fmt: skip
    keys = ("size", "trainer", "rl_step", "label_noise", "sft_step", "seed", "lower_bound",
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
    sizes = distinct(rows, "size") or [None]
    places = [
        (sizes.index(row.get("size")) if row.get("size") in sizes else 0, row) for row in rows
    ]
    expected = [(place, row) for place, row in places if known([row], "predicted")]
    series = [
        Series(
            name="measured, with its interval", x=[row["crossing"] for _, row in places],
            y=[place - 0.12 for place, _ in places], size=9, **style(0),
            spans=[(_end(row, "low"), _end(row, "high")) for _, row in places],
        ),
        Series(
            name="predicted", x=[row["predicted"] for _, row in expected],
            y=[place + 0.12 for place, _ in expected], size=10, tone="no", mark="diamond",
        ),
    ]  # fmt: skip
    keys = ("size", "crossing", "low", "high", "predicted", "unit")
    return chart(
        f"Where the sign turns: {where}", f"The threshold by model size; {unit or 'no unit'}.",
        series, Axis(title=unit), Axis(title="", ticks=[words(plain(size)) for size in sizes]),
        height=110 + 52 * len(sizes), numbers=numbers(rows, keys, "Thresholds"),
    )  # fmt: skip


def _end(row: Record, key: str) -> Any:
    return row[key] if known([row], key) else row["crossing"]
