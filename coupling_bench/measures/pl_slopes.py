"""R1: whether the PL inequality can hold where SFT ends, from the slope along its flow.

The slope of log ||grad L||^2 over log(L - L*) is 1 where PL and smoothness hold, and 2 where the
optimum lies at infinity. On the way it is one plus the squared variation of the curvatures that are
left (``change.slope_of_a_flow``), so it is taken over the last half of the steps alone.

L is the loss of the answers plus what the policy leaves to anything else. Demonstrators never give
anything else, so of that part every optimum lies at infinity, whatever the label noise: both the
whole and the loss among the answers are measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.landscape.reading import AMONG_ANSWERS, LOSS, Landscape, landscapes
from coupling_bench.runs import Array, Runs
from coupling_bench.theory.landscape import change

LATE_SHARE = 0.5
"""Of the steps, over the last of which the slope is taken."""


@dataclass(frozen=True, kw_only=True)
class Path:
    """One seed's SFT flow, at each of its T snapshots."""

    seed: int
    steps: npt.NDArray[np.int64]
    squared_gradient: Array
    """In squared nats per sequence a squared unit of the weights."""
    sub_optimality: Array
    """In nats per sequence."""

    @property
    def slope(self) -> float:
        """Slope of log ||grad||^2 over the log of the sub-optimality over the last of the steps."""
        late = self.steps >= (1 - LATE_SHARE) * self.steps[-1]
        return change.pl_slope(self.squared_gradient[late], self.sub_optimality[late])


def paths(sft: Runs, *, among_answers: bool = False) -> list[Path]:
    """Return the path of each seed, of L or of the loss of the policy among the answers alone."""
    return [
        _path(seed, flow, among_answers)
        for seed, flow in zip(sft.seeds, landscapes(sft), strict=True)
    ]


def _path(seed: int, flow: Landscape, among_answers: bool) -> Path:
    elsewhere = flow.mass_on_answers if among_answers else 0.0
    return Path(
        seed=seed,
        steps=flow.steps,
        squared_gradient=flow.squared_gradient(AMONG_ANSWERS if among_answers else LOSS),
        sub_optimality=flow.sub_optimality - elsewhere,
    )


def slopes(found: list[Path]) -> Array:
    """Return the slope of each seed, without unit, ``(S,)``."""
    return np.array([path.slope for path in found])


def rows(arm: str, found: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield a row a snapshot and seed, with the slope of the seed."""
    for path in found:
        points = zip(path.steps, path.squared_gradient, path.sub_optimality, strict=True)
        for step, squared, excess in points:
            yield {
                "arm": arm,
                "seed": path.seed,
                "step": int(step),
                "squared_gradient": float(squared),
                "sub_optimality": float(excess),
                "slope": path.slope,
            }
