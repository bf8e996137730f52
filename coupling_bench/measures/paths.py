"""Where a schedule takes loss and reward: a point after each snapshot of each of its stages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from coupling_bench.measures.loss import loss_curve
from coupling_bench.measures.reward import reward_curve
from coupling_bench.pipelines import lineage
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.specs import JointSpec, OnlineSpec, SFTSpec, StageSpec

BETWEEN = 10
"""Points between two snapshots: a schedule may be stopped there too, and be taken to lie on a line.
"""


@dataclass(frozen=True, kw_only=True)
class Path:
    """Loss and reward of one schedule over all seeds, N points along it."""

    node: str
    steps: Array
    """Optimizer steps since the base, ``(N,)``."""
    losses: Array
    """SFT loss on held-out items, nats per sequence, ``(S, N)``."""
    rewards: Array
    """Expected reward on the same items, ``(S, N)``."""


def path(runs: Runs, split: Split, items: slice = slice(None)) -> Path:
    """Return the snapshots of a schedule, from the base to its end, on some items of a split."""
    steps, losses, rewards = [], [], []
    before = 0
    for number, stage in enumerate(stages(runs)):
        seen = [_of_items(observation, items) for observation in observe(stage, split)]
        since = slice(1 if number else 0, None)  # a stage begins where the one before has ended
        steps.append(before + seen[0].steps[since])
        losses.append([loss_curve(one)[since] for one in seen])
        rewards.append([reward_curve(one)[since] for one in seen])
        before += int(seen[0].steps[-1])
    return Path(
        node=runs.node,
        steps=np.concatenate(steps).astype(float),
        losses=np.concatenate(losses, axis=1),
        rewards=np.concatenate(rewards, axis=1),
    )


def stages(runs: Runs) -> list[Runs]:
    """Return the trained stages of a schedule after the base, in their order."""
    of_seeds = [list(lineage(stage))[1:] for stage in runs.stages]
    return [replace(runs, stages=tuple(stage)) for stage in zip(*of_seeds, strict=True)]


def dense(found: Path) -> Path:
    """Return a path with points between its snapshots, on a line from each to the next.

    Without them a point that lies on the path of another schedule would seem to lie beyond it, the
    more so the fewer snapshots that has.
    """
    places = np.arange(len(found.steps), dtype=float)
    finer = np.linspace(0, places[-1], (len(places) - 1) * BETWEEN + 1)

    def between(values: Array) -> Array:
        return np.array([np.interp(finer, places, one) for one in values])

    return replace(
        found,
        steps=np.interp(finer, places, found.steps),
        losses=between(found.losses),
        rewards=between(found.rewards),
    )


def compute(stage: StageSpec) -> dict[str, int]:
    """Return what a schedule trains on: demonstrations, completions, and optimizer steps."""
    spent = {"demonstrations": 0, "completions": 0, "optimizer_steps": 0}
    for one in lineage(stage):
        steps = getattr(one, "max_steps", 0) if isinstance(one, SFTSpec | OnlineSpec) else 0
        spent["optimizer_steps"] += steps
        if isinstance(one, SFTSpec):
            spent["demonstrations"] += steps * one.batch_size
        if isinstance(one, OnlineSpec):
            spent["completions"] += steps * one.rows_per_step
        if isinstance(one, JointSpec):
            spent["demonstrations"] += steps * one.sft_batch_size
    return spent


def _of_items(seen: Observation, items: slice) -> Observation:
    """Return what loss and reward are computed from, of some items alone."""
    return replace(
        seen,
        answer_logps=seen.answer_logps[:, items],
        demonstrated=seen.demonstrated[items],
        rewards=seen.rewards[items],
        sampled_rewards=seen.sampled_rewards[:, items],
    )
