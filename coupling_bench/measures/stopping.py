"""RL without a penalty has no fixed point: what it does to the loss depends on when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coupling_bench.measures.loss import loss_curve
from coupling_bench.measures.reward import reward_curve
from coupling_bench.runs import Array, Runs, Split, observe


def rise_at_reward(losses: Array, rewards: Array, level: float) -> float | None:
    """Change of the SFT loss from the start of a stage to where its reward first reaches a level.

    In nats per sequence, linear between the two snapshots around the level; 0 where the stage
    starts at the level or above it, None where it never gets there.

    Args:
        losses: SFT loss of every snapshot, ``(N,)``.
        rewards: expected reward of every snapshot, ``(N,)``.
        level: in reward units.

    >>> round(rise_at_reward(np.array([0.3, 0.4, 0.9]), np.array([0.5, 0.75, 1.0]), 0.875), 6)
    0.35
    """
    reached = np.flatnonzero(rewards >= level)
    if len(reached) == 0:
        return None
    after = int(reached[0])
    if after == 0:
        return 0.0
    share = (level - rewards[after - 1]) / (rewards[after] - rewards[after - 1])
    return float(losses[after - 1] + share * (losses[after] - losses[after - 1]) - losses[0])


def late_loss_rise(runs: Runs, demonstrations: Split, within: float) -> Array:
    """Change of the SFT loss once the reward is within so much of its end, nats/sequence, ``(S,)``.

    From where J first reaches its last value less ``within`` to the last snapshot: what RL that
    stops early, and gives up no more reward than that, leaves out.
    """
    changes = []
    for seen in observe(runs, demonstrations):
        losses, rewards = loss_curve(seen), reward_curve(seen)
        early = rise_at_reward(losses, rewards, rewards[-1] - within) or 0.0
        changes.append(losses[-1] - losses[0] - early)
    return np.array(changes)


def stopping(runs: Runs, demonstrations: Split) -> list[dict[str, Any]]:
    """Return a row a snapshot and seed: step, reward, and change of the loss since the start."""
    return [
        {
            "node": runs.node,
            "seed": seed,
            "step": int(step),
            "reward": float(level),
            "loss_change": float(value - losses[0]),
        }
        for seed, seen in zip(runs.seeds, observe(runs, demonstrations), strict=True)
        for losses in [loss_curve(seen)]
        for step, level, value in zip(seen.steps, reward_curve(seen), losses, strict=True)
    ]


def at_equal_reward(
    runs: Runs, demonstrations: Split, levels: Sequence[float]
) -> list[dict[str, Any]]:
    """Return a row a level of reward and seed: change of the loss where RL first reaches it.

    None where it never does.
    """
    return [
        {
            "node": runs.node,
            "seed": seed,
            "reward": level,
            "loss_change": rise_at_reward(loss_curve(seen), reward_curve(seen), level),
        }
        for level in levels
        for seed, seen in zip(runs.seeds, observe(runs, demonstrations), strict=True)
    ]
