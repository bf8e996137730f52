"""Views beside the effects of fixed points, demonstrators and formats: reported, never judged.

The views that most claims share stand with ``Beside`` itself, in ``requirements``.
"""

from __future__ import annotations

from coupling_bench.measures import fixed_point, form, reward
from coupling_bench.requirements import HELD_OUT, Beside, RunsOf
from coupling_bench.runs import Array


def beyond_tilted_reward(node: str, start: str) -> Beside:
    """Show how far the reward of RL lies above that of the optimum of Eq. 8."""

    def measure(runs: RunsOf) -> Array:
        return reward.expected_reward(runs(node), HELD_OUT) - fixed_point.tilted_reward(
            runs(node), runs(start), HELD_OUT
        )

    return Beside(
        name=f"J of {node} minus J of the optimum of Eq. 8 tilted from {start}",
        unit="reward",
        nodes=(node, start),
        measure=measure,
    )


def form_part_change(node: str) -> Beside:
    """Show the change of the form part of the SFT loss from the start of a stage to its end."""

    def measure(runs: RunsOf) -> Array:
        return form.change(form.form_loss_curve, runs(node), HELD_OUT)

    return Beside(
        name=f"change of the form part of the SFT loss over {node}",
        unit="nats/sequence",
        nodes=(node,),
        measure=measure,
        note="the loss of the words, given what they mean",
    )


def unanswered_change(node: str) -> Beside:
    """Show the change of the mass on no answer at all, from the start of a stage to its end."""

    def measure(runs: RunsOf) -> Array | None:
        known = runs(node).task.answers is not None
        return form.change(reward.other_mass_curve, runs(node), HELD_OUT) if known else None

    return Beside(
        name=f"change of the probability of what is no answer over {node}",
        unit="probability",
        nodes=(node,),
        measure=measure,
        note="each is a reward of -1 where an answer would have earned +1",
    )
