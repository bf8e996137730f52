"""What two schedules lose where they have gained as much: the SFT loss at equal reward."""

from __future__ import annotations

from typing import Any

import numpy as np

from coupling_bench.measures.paths import Path, path
from coupling_bench.measures.stopping import rise_at_reward
from coupling_bench.runs import Array, Runs, Split


def loss_at(losses: Array, rewards: Array, level: float) -> float:
    """SFT loss where a path first has a reward that it reaches, in nats per sequence."""
    rise = rise_at_reward(losses, rewards, level)
    assert rise is not None, f"the path ends below a reward of {level}"
    return float(losses[0] + rise)


def loss_difference(runs: Runs, other: Runs, split: Split) -> Array:
    """SFT loss of one schedule minus that of another at equal reward, nats/sequence, ``(S,)``.

    The reward is the lower of the two ends', seed by seed: what both have gained.
    """
    return _differences(path(runs, split), path(other, split))


def _differences(first: Path, second: Path) -> Array:
    return np.array(
        [
            loss_at(first.losses[seed], first.rewards[seed], level)
            - loss_at(second.losses[seed], second.rewards[seed], level)
            for seed, level in enumerate(levels(first, second))
        ]
    )


def levels(first: Path, second: Path) -> Array:
    """Return the reward of both that is compared at, ``(S,)``."""
    return np.minimum(first.rewards[:, -1], second.rewards[:, -1])


def rows(runs: Runs, other: Runs, split: Split) -> list[dict[str, Any]]:
    """Return a row a seed: the reward that both reach, and the difference of their losses there."""
    first, second = path(runs, split), path(other, split)
    reached, differences = levels(first, second), _differences(first, second)
    return [
        {
            "schedule": runs.node,
            "against": other.node,
            "seed": seed,
            "reward": float(level),
            "loss_difference": float(difference),
        }
        for seed, level, difference in zip(runs.seeds, reached, differences, strict=True)
    ]
