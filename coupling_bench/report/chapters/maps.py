"""The map: where each order raises the loss or lowers the reward, predicted and measured."""

from collections.abc import Callable
from typing import Any

from coupling_bench.report.charts import Chart
from coupling_bench.report.grids import Cell, cells, grid, largest
from coupling_bench.report.rows import (
    Record,
    averaged,
    distinct,
    known,
    mean,
    numbers,
    once,
    settings,
    table,
    thinned,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import MINUS, amount, counted, is_number, number, plain, sign

MOST_GRIDS = 18
MOST_LENGTHS = 6
FORWARD = ("size", "trainer", "beta", "rl_step", "label_noise", "sft_step", "seeds", "epsilon",
           "demonstrator_reward", "reward_before", "reward", "loss_change", "kl_demonstrators_rl",
           "lower_bound", "must_rise", "predicted_sign", "measured_sign")  # fmt: skip
BACK = ("size", "rl_step", "label_noise", "sft_step", "seeds", "demonstrator_reward",
        "reward_before", "reward", "reward_change", "predicted_sign", "measured_sign")  # fmt: skip

Panels = dict[tuple[Any, Any], dict[tuple[Any, Any], Cell]]


def charts(record: Record) -> list[Chart]:
    """Both maps for each task; models of several sizes are parts of one map."""
    there = settings(once(known(table(record, "map_sft_then_rl"), "loss_change")), "task")
    back = settings(once(known(table(record, "map_rl_then_sft"), "reward_change")), "task")
    drawn = []
    for where, rows in there:
        by_trainer = sorted(grouped(rows, "trainer").items(), key=lambda item: -len(item[1]))
        for (trainer,), found in by_trainer:
            how = f"{'' if trainer is None else f'; {plain(trainer)}'}{where}"
            drawn += _forward(how, found)
    return [*drawn, *(_back(where, rows) for where, rows in back)]


def _forward(how: str, rows: list[Record]) -> list[Chart]:
    """A map for each penalty that has several starts, and one over the other penalties."""
    by_beta = grouped(rows, "beta")
    over_starts = {
        beta: found for (beta,), found in by_beta.items() if len(distinct(found, "sft_step")) > 1
    }
    other = [row for (beta,), found in by_beta.items() if beta not in over_starts for row in found]
    drawn = [
        _loss_map(f"{how}{'' if beta is None else f', β = {plain(beta)}'}", found, "sft_step")
        for beta, found in over_starts.items()
    ]
    if other:
        several = len(distinct(other, "beta")) > 1
        drawn.append(_loss_map(f"{how}, by penalty" if several else how, other,
                               "beta" if several else "sft_step"))  # fmt: skip
    return drawn


def _loss_map(how: str, rows: list[Record], down: str) -> Chart:
    panels, notes = _panels(
        rows,
        "rl_step",
        lambda found: cells(
            found, down, "label_noise", "loss_change", inside="must_rise", above=_rises
        ),
    )
    by = ("model", "task", "size", "trainer", "beta", "rl_step", "label_noise", "sft_step")
    return _map(
        f"RL after SFT: change of the SFT loss{how}",
        f"{_right(rows, 'the closed form of Eq. 8')} {_must_rise(rows)}",
        panels, rows, notes, down, "exact boundary: ε = KL of RL’s policy from the demonstrators",
        numbers(averaged(rows, *by), FORWARD, "Means over the seeds"),
    )  # fmt: skip


def _back(where: str, rows: list[Record]) -> Chart:
    panels, notes = _panels(
        rows,
        "rl_step",
        lambda found: cells(found, "sft_step", "label_noise", "reward_change", above=_better),
    )
    by = ("model", "task", "size", "rl_step", "label_noise", "sft_step")
    return _map(
        f"SFT after RL: change of the reward{where}",
        _right(rows, "J_D − J_RL"),
        panels, rows, notes, "sft_step", "where the demonstrators earn what RL earns",
        numbers(averaged(rows, *by), BACK, "Means over the seeds"),
    )  # fmt: skip


def _panels(
    rows: list[Record], length: str, draw: Callable[[list[Record]], dict[Any, Cell]]
) -> tuple[Panels, list[str]]:
    """Grids by size and length of a stage, and a note if not all lengths are drawn."""
    sizes, lengths = distinct(rows, "size") or [None], distinct(rows, length) or [None]
    shown = thinned(lengths, min(MOST_LENGTHS, max(2, MOST_GRIDS // len(sizes))))
    panels = {
        key: draw(found) for key, found in grouped(rows, "size", length).items() if key[1] in shown
    }
    if len(panels) > MOST_GRIDS:
        panels = dict(thinned(list(panels.items()), MOST_GRIDS))
    left_out = len(grouped(rows, "size", length)) - len(panels)
    note = f"{counted(left_out, 'grid')} of other sizes or lengths not drawn; the record holds all."
    return panels, [note] if left_out else []


def _map(
    title: str, says: str, panels: Panels, rows: list[Record], notes: list[str], down: str,
    boundary: str, of_all: Record,
) -> Chart:  # fmt: skip
    scale = largest(list(panels.values()))
    starts = {
        step: f"ε {number(mean(found, 'epsilon'))}"
        for (step,), found in grouped(known(rows, "epsilon"), "sft_step").items()
    }
    under = starts if down == "sft_step" else {}
    row_title = "weight β of the KL penalty" if down == "beta" else "SFT steps"
    grids = [
        grid(
            _panel(size, length), found, distinct(rows, down), distinct(rows, "label_noise"), scale,
            row_title=row_title + (", mean ε" if under else ""), col_title="label noise",
            under=under,
        )
        for (size, length), found in panels.items()
    ]  # fmt: skip
    if any(one["left_out"] for one in grids):
        notes = [*notes, "Rows and columns of the grids are thinned out; the record holds all."]
    return Chart(
        title=title, says=says, grids=grids, notes=notes, numbers=of_all, wide=True,
        scale=number(scale), boundary=boundary,
    )  # fmt: skip


def _panel(size: object, length: object) -> str:
    told = [sized(size)] * (size is not None)
    told += [f"{plain(length)} RL steps"] * (length is not None)
    return ", ".join(told) or "all runs"


def sized(size: object) -> str:
    """A model's size in words."""
    return f"{amount(size)} parameters" if is_number(size) else f"size {plain(size)}"


def _rises(rows: list[Record]) -> bool | None:
    """Whether the exact criterion says that the loss rises: epsilon < KL(p_D || p_RL)."""
    divergence, epsilon = mean(rows, "kl_demonstrators_rl"), mean(rows, "epsilon")
    return None if divergence is None or epsilon is None else epsilon < divergence


def _better(rows: list[Record]) -> bool | None:
    """Whether the demonstrators earn more than the policy that RL has made."""
    theirs, ours = mean(rows, "demonstrator_reward"), mean(rows, "reward_before")
    return None if theirs is None or ours is None else theirs > ours


def _right(rows: list[Record], by: str) -> str:
    """How often the predicted sign is the measured one."""
    signs = [(sign(row.get("predicted_sign")), sign(row.get("measured_sign"))) for row in rows]
    told = [pair for pair in signs if {*pair} <= {"+", MINUS, "0"}]
    right = sum(one == other for one, other in told)
    if not told:
        return ""
    return f"The sign that {by} predicts is the measured one in {right:,} of {len(told):,} runs."


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
