"""Every stage as a move from the policy that it started from, beside what theorems say of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from coupling_bench.measures import loss, reward
from coupling_bench.measures.divergence import kl_by_item
from coupling_bench.measures.policies import demonstrators, outcome_rewards
from coupling_bench.measures.theory import (
    ClosedForm,
    closed_form,
    max_reward_share,
    reward_variance,
)
from coupling_bench.runs import Observation, Runs, Split, observe
from coupling_bench.specs import PerturbSpec, SnapshotSpec, StageSpec, parent
from coupling_bench.theory import policies

ASKED = ("demonstrated", "rewards", "other_reward")
"""What an observation says of its task's demonstrators and verifier."""
NO_MOVE = (PerturbSpec, SnapshotSpec)
"""Stages that do not begin where their ``start`` ends."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """What one seed's stage did to the policy that it started from."""

    node: str
    start: str
    """The node that it started from."""
    seed: int
    begin: Observation
    """Of the start, measured by the demonstrations and rewards of the stage's own task."""
    end: Observation
    least_loss: float | None
    """L* = H(p_D), in nats per sequence; None on real data, where p_D is not known."""

    @functools.cached_property
    def closed_form(self) -> ClosedForm | None:
        """The policy of Eq. 8 from the start that earns what the end earns."""
        return closed_form(self.begin, self.end)

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.node} seed {self.seed}"

    @property
    def excess_divergence(self) -> float | None:
        """E KL(end || begin) - E KL(closed form || begin) >= 0, in nats per sequence."""
        form = self.closed_form
        return None if form is None else _kl(self.end, self.begin) - form.divergence


def moves(every_run: Iterable[Runs], prompts: Split) -> list[Move]:
    """Return the move of every seed of every node whose start is a node among these.

    Left out are stages that are asked other prompts than their start, or for other answers, and
    those that do not begin where their start ends: random steps, and snapshots.
    """
    every = list(every_run)
    nodes = {stage: runs.node for runs in every for stage in runs.stages}
    return [
        move
        for runs in every
        if all(parent(s) in nodes and not isinstance(s, NO_MOVE) for s in runs.stages)
        for move in _of_node(runs, nodes, prompts)
        if (move.begin.prompts, move.begin.answers) == (move.end.prompts, move.end.answers)
    ]


def row(move: Move) -> dict[str, Any]:
    """Return what theorems ask of a stage, as measured and as predicted: a row of a table.

    ``forward_kl`` is E KL(start || node), ``reverse_kl`` E KL(node || start), ``ratio`` the
    measured over the predicted change of the SFT loss. None: p_D is not known, or there is no
    closed form.
    """
    known, form, end = move.least_loss is not None, move.closed_form, move.end
    p_d = demonstrators(end)
    losses = [float(loss.loss_curve(seen)[-1]) for seen in (move.begin, end)]
    rewards = [float(reward.reward_curve(seen)[-1]) for seen in (move.begin, end)]
    change = losses[1] - losses[0]
    return {
        "node": move.node,
        "start": move.start,
        "seed": move.seed,
        "epsilon": None if move.least_loss is None else losses[1] - move.least_loss,
        "demonstrator_entropy": float(policies.entropy(p_d)) if known else None,
        "demonstrator_reward": float(policies.expected(p_d, outcome_rewards(end))),
        "reward": rewards[1],
        "reward_variance": reward_variance(end) if known else None,
        "max_reward_share": max_reward_share(end),
        "forward_kl": _kl(move.begin, end),
        "reverse_kl": _kl(end, move.begin),
        "loss_change": change,
        "reward_change": rewards[1] - rewards[0],
        "effective_beta": form.beta if form else None,
        "predicted_loss_change": form.loss_change if form else None,
        "ratio": change / form.loss_change if form and form.loss_change else None,
    }


def _of_node(runs: Runs, nodes: dict[StageSpec, str], prompts: Split) -> Iterator[Move]:
    """Yield the move of each seed; ``nodes`` names the stages that they start from."""
    stages = tuple(origin for stage in runs.stages if (origin := parent(stage)) is not None)
    start = replace(runs, stages=stages)
    ends = zip(observe(start, prompts), observe(runs, prompts), strict=True)
    for seed, stage, (begin, end) in zip(runs.seeds, stages, ends, strict=True):
        yield Move(
            node=runs.node,
            start=nodes[stage],
            seed=seed,
            begin=replace(begin, **{name: getattr(end, name) for name in ASKED}),
            end=end,
            least_loss=loss.optimal_loss(runs.task, prompts.name),
        )


def _kl(policy: Observation, reference: Observation) -> float:
    return float(kl_by_item(policy, reference).mean())
