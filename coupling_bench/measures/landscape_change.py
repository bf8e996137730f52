"""R1: the change of the SFT loss along RL, beside what gradient and curvature say of it.

Everything is known to rounding: the loss is that of the exact demonstrators on the flow's prompts.
M and mu are taken along the SFT flow, and asked of the RL flow that starts at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.landscape.reading import Landscape, MovedLandscape, landscapes, moved
from coupling_bench.runs import Array, Runs
from coupling_bench.theory.landscape import change

SMALL_SHARE = 0.1
"""Of the way that RL goes in all: what counts as near its start."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One seed's RL flow, at each of its T - 1 snapshots after the start; nats per sequence."""

    seed: int
    steps: npt.NDArray[np.int64]
    distance: Array
    """||Delta||, in units of the weights."""
    loss_change: Array
    second_order: Array
    """<g_L, Delta> + Delta' H_L Delta / 2."""
    lower: Array
    """||grad L||^2 / (2 M) - epsilon, by smoothness."""
    upper: Array
    """<g_L, Delta> + M s^2 / 2, by smoothness."""
    upper_by_pl: Array
    """||grad L||^2 / (2 mu) - epsilon, by the PL inequality."""

    @property
    def relative_error(self) -> float:
        """The largest |predicted - measured| / |measured| of the second order for small s.

        Over snapshots within ``SMALL_SHARE`` of the way, and the first in any case.
        """
        near = self.distance <= max(SMALL_SHARE * self.distance[-1], self.distance[0])
        error = np.abs(self.second_order - self.loss_change) / np.abs(self.loss_change)
        return float(error[near].max())

    @property
    def explained(self) -> float:
        """R^2 = 1 - sum (predicted - measured)^2 / sum (measured - mean)^2, nothing fitted.

        Over all snapshots; below 0 where the mean would have predicted better.
        """
        residue = ((self.second_order - self.loss_change) ** 2).sum()
        spread = ((self.loss_change - self.loss_change.mean()) ** 2).sum()
        return float(1 - residue / spread)

    def overstepped(self, bound: str) -> float:
        """Return by how much the loss lies beyond a bound at most, as a share of its change.

        Negative where it never does.

        Args:
            bound: ``lower``, ``upper`` or ``upper_by_pl``.
        """
        beyond = self.loss_change - getattr(self, bound)
        beyond = -beyond if bound == "lower" else beyond
        return float((beyond / np.abs(self.loss_change)).max())


def changes(rl: Runs, sft: Runs) -> list[Change]:
    """Return the change along RL of each seed, with the constants of the SFT flow before it.

    M is the largest eigenvalue of L's Hessian at any of the SFT flow's points where it was found,
    mu the least ||grad L||^2 / (2 (L - L*)) at any of its snapshots.
    """
    before = dict(zip(sft.seeds, landscapes(sft), strict=True))
    return [
        _change(seed, flow, before[seed]) for seed, flow in zip(rl.seeds, moved(rl), strict=True)
    ]


def _change(seed: int, rl: MovedLandscape, sft: Landscape) -> Change:
    smoothness = float(np.nanmax(sft.smoothness))
    mu = float(change.pl_ratio(sft.squared_gradient(), sft.sub_optimality).min())
    after = slice(1, None)
    squared, slope = rl.squared_gradient()[after], rl.slope[after]
    distance, epsilon = rl.distance[after], float(rl.sub_optimality[0])
    return Change(
        seed=seed,
        steps=rl.steps[after],
        distance=distance,
        loss_change=rl.loss[after] - rl.loss[0],
        second_order=change.second_order(slope, rl.curvature[after, 0]),
        lower=change.least_change(squared, smoothness, epsilon),
        upper=change.most_change(slope, smoothness, distance),
        upper_by_pl=change.most_change_by_pl(squared, mu, epsilon),
    )


COLUMNS = ("distance", "loss_change", "second_order", "lower", "upper", "upper_by_pl")


def rows(found: list[Change]) -> Iterator[dict[str, Any]]:
    """Yield a row a snapshot and seed, as they are drawn."""
    for one in found:
        for place, step in enumerate(one.steps):
            numbers = {name: float(getattr(one, name)[place]) for name in COLUMNS}
            yield {"seed": one.seed, "step": int(step), **numbers}
