"""RL's effect beside what any other change of the weights does, and the label prior's part."""

from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record, column, numbers, once, settings, table
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import node

PARTS = {"whole": "whole effect", "prior_part": "with the label prior alone", "rest": "difference"}


DEFECTS = ("stage", "claim", "verdict", "effect", "unit", "outcome")


def charts(record: Record) -> list[Chart]:
    """Controls and the prior's part, for each model and task."""
    drawn = []
    for where, rows in settings(once(table(record, "controls"))):
        arms = grouped(rows, "control")
        keys = ("control", "seed", "loss_change", "reward_change", "distance", "kl", "excess_loss")
        of_all = numbers(rows, keys, "Each control, by seed")
        drawn.append(strips(
            f"What a change of the weights does to the SFT loss{where}",
            "Any second stage can raise a loss that is at its lowest. RL’s effect stands among "
            "those of stages that should do nothing, or that move as far.",
            [(node(arm), [column(found, "loss_change")]) for (arm,), found in arms.items()],
            ["ΔL"], "ΔL, nats/sequence", of_all,
        ))  # fmt: skip
        for key, title, axis, says in (
            ("reward_change", "What it does to the reward", "ΔJ, reward", "From the same start."),
            ("excess_loss", "RL’s excess over each control", "difference of ΔL, nats/sequence",
             "RL’s change of the SFT loss minus the control’s, paired by seed."),
        ):  # fmt: skip
            lines = [(node(arm), [column(found, key)]) for (arm,), found in arms.items()]
            drawn.append(strips(
                f"{title}{where}", says, lines, [axis.split(",")[0]], axis,
                numbers(rows, ("control", "seed", key), title),
            ))  # fmt: skip
    for where, rows in settings(once(table(record, "prior"))):
        drawn.append(strips(
            f"With the label prior alone{where}",
            "The same stages with the sentences shuffled between prompts can learn the prior of "
            "the answers and nothing else. Their effect is no part of the whole, and may be "
            "larger.",
            [(node(effect), [column(found, key) for key in PARTS])
             for (effect,), found in grouped(rows, "effect").items()],
            list(PARTS.values()), "change, nats/sequence or reward",
            numbers(rows, ("effect", "seed", *PARTS), "Each effect, by seed"),
        ))  # fmt: skip
    return [one for one in drawn if one]


def defects(record: Record) -> list[Record]:
    """What became of the claims that were judged with a defect planted in a stage."""
    return [
        {**numbers(rows, DEFECTS, f"Claims judged with a defect planted in a stage: none may "
                   f"pass{where}"), "title": "Planted defects"}
        for where, rows in settings(table(record, "defects"))
    ]  # fmt: skip
