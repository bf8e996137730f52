"""Preconditions of claims about flows, whose loss and reward are exact on their own prompts."""

from __future__ import annotations

from coupling_bench.landscape.reading import landscapes
from coupling_bench.measures import duration
from coupling_bench.requirements import HELD_OUT, Measured, Requirement, RunsOf, over_seeds


def flow_near_optimum(node: str, below: float) -> Requirement:
    """Require epsilon = L - L* at the end of a flow below a bound in nats/sequence."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds([flow.sub_optimality[-1] for flow in landscapes(runs(node))])

    return Requirement(
        name=f"epsilon = L - L* of {node}, on its own prompts",
        unit="nats/sequence",
        nodes=(node,),
        measure=measure,
        below=below,
    )


def reward_saturates(node: str, below: float) -> Requirement:
    """Require that the last third of RL's steps brings less than a share of the reward's gain."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds([curve.late_share for curve in duration.curves(runs(node), HELD_OUT)])

    return Requirement(
        name=f"share of the reward's gain in the last third of {node}",
        unit="ratio",
        nodes=(node,),
        measure=measure,
        below=below,
    )


def loss_rises_along(node: str) -> Requirement:
    """Require that the SFT loss rose along RL: else no duration has a price."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(
            [curve.loss[-1] - curve.loss[0] for curve in duration.curves(runs(node), HELD_OUT)]
        )

    return Requirement(
        name=f"the SFT loss rose along {node}",
        unit="nats/sequence",
        nodes=(node,),
        measure=measure,
        above=0.0,
    )
