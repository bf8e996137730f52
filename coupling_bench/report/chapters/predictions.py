"""Assumptions as measured, and what theory predicts against what training does."""

from collections.abc import Callable

from coupling_bench.report.charts import Axis, Chart, Series, chart, is_skewed, style
from coupling_bench.report.rows import (
    Record,
    column,
    distinct,
    known,
    numbers,
    once,
    settings,
    table,
)
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped, spread
from coupling_bench.report.text import node, number, plain

LOSS = "ΔL, nats/sequence"
ASSUMPTIONS = {
    "epsilon": "ε",
    "demonstrator_entropy": "H",
    "demonstrator_reward": "J_D",
    "reward": "J",
    "reward_variance": "E Var(r)",
    "max_reward_share": "share at the top",
    "forward_kl": "KL(start ‖ policy)",
    "reverse_kl": "KL(policy ‖ start)",
    "effective_beta": "β",
    "ratio": "ΔL / predicted",
}
SAID = (
    "ε = L − H is 0 where a policy is the demonstrators’, of entropy H and reward J_D. J is the "
    "policy’s reward. E Var(r) is 0 where the reward cannot tell demonstrations apart; the share "
    "at the top is that of demonstrations with the largest reward. β is what Eq. 8 would need for "
    "J. nats/sequence; rewards from −1 to 1; means, and ranges over seeds"
)
SCALED = {"none": "rewards as they are", "group": "rewards scaled in each group"}
KINDS = {"sft": "SFT", "rl": "RL", "rloo": "RL", "dpo": "RL", "grpo": "RL"}
"""What a stage is, by the first word of its name. DPO learns from the verifier too."""
PREDICTED = "predicted = measured"


def assumptions(record: Record) -> list[Record]:
    """What the theorems assume, as measured: a row each run, a table a setting."""
    found = []
    for where, rows in settings(once(table(record, "policies"))):
        keys = [key for key in ASSUMPTIONS if column(rows, key)]
        if keys:
            found.append({
                "caption": f"{SAID}{where}",
                "heads": [ASSUMPTIONS[key] for key in keys],
                "rows": [
                    (node(name), node(start) if start else None,
                     [spread(here, key) for key in keys])
                    for (name, start), here in grouped(rows, "node", "start").items()
                ],
            })  # fmt: skip
    return found


def bounds(record: Record) -> list[Record]:
    """The least slack of each bound over all pairs of checkpoints; by run in the details."""
    found = []
    for where, rows in settings(once(table(record, "bounds"))):
        if column(rows, "least_slack"):
            keys = ("bound", "node", "seed", "pairs", "least_slack", "at")
            of_all = numbers(rows, keys, "The least slack of each run")
            found.append({
                "caption": "Slack below zero, but for rounding, would break a bound; whether one "
                f"is broken is said under Theory{where}",
                "rows": [_least(plain(bound), here)
                         for (bound,), here in grouped(rows, "bound").items()],
                "numbers": of_all,
            })  # fmt: skip
    return found


def _least(bound: str, rows: list[Record]) -> Record:
    """Over how many pairs of how many runs a bound was checked, and where it is tightest."""
    at = min(known(rows, "least_slack"), key=lambda row: row["least_slack"], default={})
    return {
        "bound": bound,
        "runs": len(rows),
        "pairs": sum(map(int, column(rows, "pairs"))),
        "slack": at.get("least_slack"),
        "at": plain(at.get("at")),
    }


def charts(record: Record) -> list[Chart]:
    """Predicted against measured changes, and how far each fixed point was reached."""
    drawn: list[Chart | None] = []
    for where, rows in settings(once(table(record, "policies"))):
        drawn.append(_scatter(
            f"Loss at the effective β{where}",
            "The prediction is that of Eq. 8 at the β for which it has the measured reward. No "
            "sign of the difference is guaranteed: at that reward, the tilted optimum minimises "
            "the divergence from its start and not from the demonstrators.",
            rows, "predicted_loss_change", lambda row: order(row.get("node")),
        ))  # fmt: skip
    for where, rows in settings(once(table(record, "fixed_points"))):
        drawn += _fixed_points(where, rows)
    for where, rows in settings(once(table(record, "stopping"))):
        drawn.append(_stopping(where, rows))
    for where, rows in settings(
        once(known(table(record, "at_equal_reward"), "reward", "loss_change"))
    ):
        drawn.append(strips(
            f"Loss at equal reward{where}",
            "Change of the SFT loss where a run first reaches a reward.",
            [(f"J = {number(level)}", [column(found, "loss_change")])
             for (level,), found in grouped(rows, "reward").items()],
            ["ΔL"], LOSS, numbers(rows, ("node", "seed", "reward", "loss_change"), "By reward"),
        ))  # fmt: skip
    return [one for one in drawn if one]


def order(name: object) -> str:
    """What came after what in a node: RL after SFT, SFT after RL, RL, SFT, or other."""
    kinds = [KINDS.get(part.split("_")[0]) for part in plain(name).split("_then_")]
    if None in kinds or len(kinds) > 2:
        return "other"
    return " after ".join(kind for kind in reversed(kinds) if kind)


def _scatter(
    title: str, says: str, rows: list[Record], predicted: str, kind: Callable[[Record], str]
) -> Chart | None:
    """Predicted against measured changes of the loss, one mark a kind of run."""
    points = known(rows, predicted, "loss_change")
    if not points:
        return None
    kinds = list(dict.fromkeys(map(kind, points)))
    series = [
        Series(
            name=kind(found[0]), x=column(found, predicted), y=column(found, "loss_change"),
            said=node(name), **style(kinds.index(kind(found[0]))),
        )
        for (name,), found in grouped(points, "node").items()
    ]  # fmt: skip
    skewed = is_skewed([row[key] for row in points for key in (predicted, "loss_change")])
    keys = ("node", "scale_rewards", "beta", "seed", "group_beta", "effective_beta", predicted,
            "loss_change", "ratio", "kl_to_tilted", "reward", "tilted_reward")  # fmt: skip
    return chart(
        title, says, series, Axis(title=f"predicted {LOSS}", signed=skewed),
        Axis(title=f"measured {LOSS}", signed=skewed),
        diagonal=PREDICTED, numbers=numbers(rows, keys, title),
    )  # fmt: skip


def _fixed_points(where: str, rows: list[Record]) -> list[Chart | None]:
    says = (
        "RL with a KL penalty ends at the tilted optimum of Eq. 8 if rewards are not scaled; then "
        "the change of the loss is E log Z − J_D/β."
    )
    title = f"Loss at RL’s fixed point{where}"
    reached = known(rows, "beta", "kl_to_tilted")
    series = [
        Series(
            name=_scaled(found[0]), x=column(found, "beta"),
            y=column(found, "kl_to_tilted"), **style(place),
        )
        for place, (_, found) in enumerate(grouped(reached, "scale_rewards").items())
    ]  # fmt: skip
    distance = chart(
        f"How far RL is from its fixed point{where}",
        "KL from the tilted optimum, which is zero at it; by the weight β of the KL penalty.",
        series, Axis(title="β", log=True), Axis(title="KL, nats/sequence", log=True),
        numbers=numbers(rows, ("scale_rewards", "beta", "seed", "kl_to_tilted"), "KL by β"),
    )  # fmt: skip
    return [
        _scatter(title, says, rows, "predicted", _scaled),
        distance if reached else None,
    ]


def _scaled(row: Record) -> str:
    how = plain(row.get("scale_rewards"))
    return SCALED.get(how, how)


def _stopping(where: str, rows: list[Record]) -> Chart | None:
    points = known(rows, "reward", "loss_change")
    if not points:
        return None
    series = [
        Series(
            name=node(name), x=column(found, "reward"), y=column(found, "loss_change"),
            said=f"seed {plain(seed)}", dash="solid", size=5,
            **style(distinct(points, "node").index(name) if name is not None else 0),
        )
        for (name, seed), found in grouped(points, "node", "seed").items()
    ]  # fmt: skip
    return chart(
        f"Without a KL penalty, the loss depends on when RL stops{where}",
        "Each line is one seed over its steps, from the start at the left. At β = 0 there is no "
        "fixed point; runs compare at equal reward.",
        series, Axis(title="expected reward J"), Axis(title=LOSS),
        numbers=numbers(rows, ("node", "seed", "step", "reward", "loss_change"), "By step"),
    )  # fmt: skip
