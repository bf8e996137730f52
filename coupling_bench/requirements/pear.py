"""Preconditions of the claims on PEAR, and views beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coupling_bench.measures import pear, weights
from coupling_bench.requirements import HELD_OUT, Beside, Measured, Requirement, RunsOf, over_seeds


def weights_differ(node: str, above: float = 0.05) -> Requirement:
    """Require that log-weights spread over the tokens of a batch, or PEAR is plain SFT."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(pear.log_weight_spread(runs(node)))

    return Requirement(
        name=f"standard deviation of PEAR's log-weights in {node}",
        unit="nats",
        nodes=(node,),
        measure=measure,
        above=above,
    )


def ranks_variants(nodes: Sequence[str], above: float = 0.5) -> Requirement:
    """Require that the score after SFT ranks the starts of RL alike on two halves of the items."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(pear.reliability([runs(node) for node in nodes], HELD_OUT))

    return Requirement(
        name="Kendall's tau of the scores after SFT, between even and odd items",
        unit="tau",
        nodes=tuple(nodes),
        measure=measure,
        above=above,
    )


def score_change(first: str, second: str, when: Literal["before", "after"]) -> Beside:
    """Show by how much the score of one node's RL lies above another's, before or after it."""
    return Beside(
        name=f"score {when} RL, {first} minus {second}",
        unit="probability of the reward",
        nodes=(first, second),
        measure=lambda runs: pear.lead(runs(first), runs(second), HELD_OUT, when),
    )


def mean_weight(node: str) -> Beside:
    """Show the mean of PEAR's weights, over tokens and steps."""
    return Beside(
        name=f"mean weight of a token in {node}",
        unit="weight",
        nodes=(node,),
        measure=lambda runs: pear.mean_weight(runs(node)),
    )


def alignment(sft: str, rl: str) -> Beside:
    """Show the cosine between what SFT and what RL after it did to the weights."""
    return Beside(
        name=f"cosine of the moves base to {sft} and {sft} to {rl}",
        unit="cosine",
        nodes=("base", sft, rl),
        measure=lambda runs: weights.cosine(runs("base"), runs(sft), runs(rl)),
    )
