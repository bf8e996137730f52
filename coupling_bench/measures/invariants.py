"""What no two checkpoints on the same prompts can break: the slack of each bound at every pair.

The slack of (i, j) is of going from i to j. Where one is below zero something is a defect: a
measure, the range of rewards, or what is taken for p_D. Bounds on the reward hold in either
direction of the divergence; the smaller one bounds more, and is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.measures.pairs import Checkpoints
from coupling_bench.runs import Array
from coupling_bench.theory import bounds


def proposition_1(these: Checkpoints) -> Array:
    """Slack of |J(j) - J(i)| <= R_max sqrt(2 E KL), either direction of the KL, ``(N, N)``."""
    largest = max(abs(these.lowest_reward), abs(these.largest_reward))
    return bounds.most_reward_change(_nearer(these), largest) - _reward_distance(these)


def pinsker(these: Checkpoints) -> Array:
    """Slack of |J(j) - J(i)| <= w sqrt(E KL / 2), either direction of the KL, ``(N, N)``."""
    most = bounds.most_reward_change_by_width(_nearer(these), these.width)
    return most - _reward_distance(these)


def non_decoupling_threshold(these: Checkpoints) -> Array:
    """Slack of L(j) - L(i) >= 2 (J(j) - J_D)^2 / w^2 - epsilon(i), in nats, ``(N, N)``.

    It holds at all pairs with the same second one, or at none.
    """
    gap = these.rewards - these.demonstrator_reward
    least = bounds.least_loss_rise(gap, these.width or np.inf, these.sub_optimality[:, None])
    return _loss_changes(these) - least


def kl_identity(these: Checkpoints) -> Array:
    """Slack of L(j) - L(i) = E KL(p_D || j) - epsilon(i), in nats per sequence, ``(N, N)``."""
    expected = these.from_demonstrators - these.sub_optimality[:, None]
    return -np.abs(_loss_changes(these) - expected)


BOUNDS: dict[str, Callable[[Checkpoints], Array]] = {
    "Proposition 1": proposition_1,
    "Pinsker": pinsker,
    "Non-decoupling threshold": non_decoupling_threshold,
    "KL identity": kl_identity,
}
"""Each takes N checkpoints and returns its slack at every pair (i, j), from i to j."""


@dataclass(frozen=True, kw_only=True)
class Slacks:
    """The slack of one bound at the ordered pairs of N checkpoints."""

    bound: str
    of: Checkpoints
    slack: Array
    """``(N (N - 1),)``."""

    @property
    def names(self) -> list[str]:
        """What each pair is called."""
        of = self.of.node if self.of.seed is None else f"{self.of.node} seed {self.of.seed}"
        names = self.of.names
        return [f"{of}, {names[i]} -> {names[j]}" for i, j in zip(*_pairs(self.of), strict=True)]

    @property
    def row(self) -> dict[str, Any]:
        """The row of a table: where the slack is least."""
        worst = int(self.slack.argmin())
        return {
            "bound": self.bound,
            "node": self.of.node,
            "seed": self.of.seed,
            "pairs": len(self.slack),
            "least_slack": float(self.slack[worst]),
            "at": self.names[worst],
        }


def slacks(bound: str, groups: Iterable[Checkpoints]) -> list[Slacks]:
    """Return the slack of one of ``BOUNDS`` at every pair within each group that has one."""
    return [
        Slacks(bound=bound, of=these, slack=BOUNDS[bound](these)[_pairs(these)])
        for these in groups
        if len(these.names) > 1
    ]


def _nearer(these: Checkpoints) -> Array:
    """Return the smaller of both directions of the KL: the one that bounds more."""
    return np.minimum(these.divergences, these.divergences.T)


def _reward_distance(these: Checkpoints) -> Array:
    return np.abs(these.rewards - these.rewards[:, None])


def _loss_changes(these: Checkpoints) -> Array:
    return these.losses - these.losses[:, None]


def _pairs(these: Checkpoints) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the places of first and second of every ordered pair."""
    first, second = np.nonzero(~np.eye(len(these.names), dtype=bool))
    return first, second
