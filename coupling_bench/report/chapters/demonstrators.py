"""Both orders with demonstrators of other qualities, and with another surface form, as figures."""

from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record, column, mean, numbers, settings, table
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import MISSING, node, number, sign

LOSS = "ΔL, nats/sequence"
PARTS = {"loss": "L", "label_part": "its label part", "form_part": "its form part"}


def charts(record: Record) -> list[Chart]:
    """Both orders with demonstrators worse than RL's policy, equal to it, and gold; formats."""
    drawn = []
    for where, rows in settings(table(record, "demonstrators")):
        for (pipeline,), found in grouped(rows, "pipeline").items():
            key, axis = "loss_change", LOSS
            if str(pipeline).startswith("rl"):
                key, axis = "reward_change", "ΔJ, reward"
            drawn.append(strips(
                f"{node(pipeline)}, by demonstrators{where}",
                "The sign that theory predicts stands with each arm.",
                [(_arm(arm, here), [column(here, key)])
                 for (arm,), here in grouped(found, "arm").items()],
                [axis.split(",")[0]], axis,
                numbers(found, ("arm", "seed", "demonstrator_reward", "epsilon", "loss_change",
                                "reward_change", "predicted_sign"), node(pipeline)),
            ))  # fmt: skip
    for where, rows in settings(table(record, "formats")):
        drawn.append(strips(
            f"Demonstrations in another form than RL rewards{where}",
            "The SFT loss is the loss of the label, whatever its form, plus that of the form given "
            "the label.",
            [(node(name), [column(found, key) for key in PARTS])
             for (name,), found in grouped(rows, "node").items()],
            list(PARTS.values()), "SFT loss, nats/sequence",
            numbers(rows, ("node", "seed", *PARTS, "strict_reward", "robust_reward"), "Formats"),
        ))  # fmt: skip
    return [one for one in drawn if one]


def _arm(arm: object, rows: list[Record]) -> str:
    signs = {sign(row.get("predicted_sign")) for row in rows}
    told = [node(arm)]
    if column(rows, "demonstrator_reward"):
        told.append(f"J_D {number(mean(rows, 'demonstrator_reward'))}")
    if len(signs) == 1 and MISSING not in signs:
        told.append(f"predicted {signs.pop()}")
    return ", ".join(told)
