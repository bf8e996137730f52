"""PEAR: what variants of SFT score before and after identical RL, and how far RL drifts."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import Record, column, known, numbers, once, settings, table
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import node, plain

DRIFT = {
    "distance": "||θ after RL − θ after SFT||",
    "kl": "KL(end || start), nats/sequence",
    "cosine": "cosine of the moves of SFT and RL",
}


def charts(record: Record) -> list[Chart]:
    """Scores after SFT against scores after RL, and RL's drift, for each model and task."""
    scores = known(once(table(record, "pear")), "after_sft", "after_rl")
    drawn = [_scores(where, rows) for where, rows in settings(scores)]
    for where, rows in settings(once(table(record, "pear_drift"))):
        for key, axis in DRIFT.items():
            found = strips(
                f"How RL moves after PEAR and after plain SFT: {axis.split(',')[0]}{where}",
                "The same RL from where each SFT ended.",
                [(node(name), [column(of, key)])
                 for (name,), of in grouped(rows, "variant").items()],
                [axis.split(",")[0]], axis, numbers(rows, ("variant", "seed", *DRIFT), "By seed"),
            )  # fmt: skip
            drawn += [found] if found else []
    return drawn


def _scores(where: str, rows: list[Record]) -> Chart:
    series = [
        Series(
            name=node(name), x=column(found, "after_sft"), y=column(found, "after_rl"),
            texts=[f"seed {plain(row.get('seed'))}" for row in found], **style(place),
        )
        for place, ((name,), found) in enumerate(grouped(rows, "variant").items())
    ]  # fmt: skip
    return chart(
        f"The score after SFT against the score after RL{where}",
        "Each dot is a variant of SFT and a seed, followed by the same RL. Were the better after "
        "SFT the better after RL, the dots would rise from left to right.",
        series,
        Axis(title="after SFT, probability of the reward"),
        Axis(title="after RL, probability of the reward"),
        diagonal="as after SFT",
        numbers=numbers(rows, ("variant", "seed", "after_sft", "after_rl"), "By variant and seed"),
    )
