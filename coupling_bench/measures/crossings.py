"""Where a change turns its sign along one axis of the map: measured, and predicted.

A crossing is that of the straight line between the two cells that it lies between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coupling_bench.runs import Array

DRAWS = 2000
LEAST_SHARE = 0.95
"""Of the bootstrap's draws that must have a crossing for an interval to be given."""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """One threshold of a pipeline."""

    pipeline: str
    unit: str
    at: dict[str, float]
    """What else is fixed: label noise, steps of RL."""
    measured: Array
    """One a seed, ``(S,)``; NaN where the sign never turns."""
    predicted: Array
    """Likewise."""
    crossing: float
    """Of the mean over seeds, with the ends of its bootstrap interval; NaN where there is none."""
    low: float
    high: float

    @classmethod
    def of(
        cls, pipeline: str, unit: str, at: dict[str, float], x: Array, y: Array, predicted: Array
    ) -> Crossing:
        """Return where ``y (S, K)`` turns along ``x (S, K)``; ``predicted (S,)``."""
        crossing, low, high = bootstrap(x, y)
        return cls(
            pipeline=pipeline,
            unit=unit,
            at=at,
            measured=sign_changes(x, y),
            predicted=predicted,
            crossing=crossing,
            low=low,
            high=high,
        )

    def inverted(self) -> Crossing:
        """Return the same threshold, found along 1/x, in x."""
        return replace(
            self,
            measured=1 / self.measured,
            predicted=1 / self.predicted,
            crossing=1 / self.crossing,
            low=1 / self.high,
            high=1 / self.low,
        )

    def row(self, size: int) -> dict[str, Any]:
        """Return it as a row of a table, None where there is no number."""
        numbers = {
            "crossing": self.crossing,
            "low": self.low,
            "high": self.high,
            "predicted": float(self.predicted.mean()),
        }
        known = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {"pipeline": self.pipeline, "size": size, "unit": self.unit, **self.at, **known}


def sign_change(x: Array, y: Array) -> float:
    """Return where ``y (K,)`` first changes its sign as ``x (K,)`` grows; NaN if nowhere.

    >>> sign_change(np.array([0.0, 1.0, 2.0]), np.array([-1.0, -1.0, 3.0]))
    1.25
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    turns = np.flatnonzero(np.sign(y[:-1]) * np.sign(y[1:]) <= 0)
    if not len(turns):
        return float("nan")
    k = turns[0]
    if y[k] == y[k + 1]:  # both are zero
        return float(x[k])
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def sign_changes(x: Array, y: Array) -> Array:
    """Return where each row of ``y (S, K)`` changes its sign along ``x (S, K)``, ``(S,)``."""
    return np.array([sign_change(*pair) for pair in zip(x, y, strict=True)])


def bootstrap(x: Array, y: Array, alpha: float = 0.05) -> tuple[float, float, float]:
    """Return the crossing of the means over seeds, and the ends of its interval.

    Seeds are drawn again with replacement, both numbers of a seed together. With few seeds such an
    interval is too narrow: with three the most that it can hold is their range.

    Args:
        x: ``(S, K)``.
        y: ``(S, K)``.
        alpha: level of the two-sided interval.
    """
    seeds = len(x)
    drawn = np.random.default_rng(0).integers(seeds, size=(DRAWS, seeds))
    found = np.array([sign_change(x[d].mean(axis=0), y[d].mean(axis=0)) for d in drawn])
    low = high = float("nan")
    if seeds > 1 and np.isfinite(found).mean() >= LEAST_SHARE:
        low, high = np.nanquantile(found, (alpha / 2, 1 - alpha / 2)).tolist()
    return sign_change(x.mean(axis=0), y.mean(axis=0)), low, high
