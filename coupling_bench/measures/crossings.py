"""Where a change turns its sign along one axis of the map: measured, and predicted.

A crossing is that of the straight line between the two cells that it lies between. One that lies
beyond the cells is known to be at their end or farther.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

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
    axis: Array
    """First and last cell of each seed, ``(S, 2)``."""
    measured: Array
    """One a seed, ``(S,)``; an end of the axis where the sign never turns."""
    predicted: Array
    """Likewise."""
    crossing: float
    """Of the mean over seeds, with the ends of its bootstrap interval; NaN where there is none."""
    low: float
    high: float

    @classmethod
    def of(
        cls,
        pipeline: str,
        unit: str,
        at: dict[str, float],
        *,
        x: Array,
        y: Array,
        predicted: Array,
        rises: bool,
    ) -> Crossing:
        """Return where ``y (S, K)`` turns along ``x (S, K)``.

        Args:
            pipeline: what it is a threshold of.
            unit: of ``x``.
            at: what else is fixed.
            x: the axis.
            y: what turns.
            predicted: the values that ``y`` should have, or, ``(S,)``, the crossings that it
                should have.
            rises: whether ``y`` goes from below zero to above it.
        """
        axis = np.stack([x.min(axis=1), x.max(axis=1)], axis=1)
        places = turns(x, predicted, rises) if predicted.ndim == 2 else predicted
        crossing, low, high = bootstrap(x, y)
        return cls(
            pipeline=pipeline,
            unit=unit,
            at=at,
            axis=axis,
            measured=turns(x, y, rises),
            predicted=np.clip(places, axis[:, 0], axis[:, 1]),
            crossing=crossing,
            low=low,
            high=high,
        )

    @property
    def somewhere(self) -> bool:
        """Whether the sign turns within the cells of some seed, measured or predicted."""
        return bool(_inside(self.measured, self.axis).any() | self._is_predicted.any())

    @property
    def _is_predicted(self) -> npt.NDArray[np.bool_]:
        return _inside(self.predicted, self.axis)

    def inverted(self) -> Crossing:
        """Return the same threshold, found along 1/x, in x."""
        return replace(
            self,
            axis=1 / self.axis[:, ::-1],
            measured=1 / self.measured,
            predicted=1 / self.predicted,
            crossing=1 / self.crossing,
            low=1 / self.high,
            high=1 / self.low,
        )

    def row(self, size: int) -> dict[str, Any]:
        """Return it as a row of a table, None where the sign does not turn within the cells."""
        predicted = float(self.predicted.mean()) if self._is_predicted.all() else float("nan")
        numbers = {
            "crossing": self.crossing,
            "low": self.low,
            "high": self.high,
            "predicted": predicted,
        }
        known = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {"pipeline": self.pipeline, "size": size, "unit": self.unit, **self.at, **known}


def off_by(crossings: list[Crossing], *, relative: bool) -> Array:
    """Mean distance of measured from predicted crossings, one a seed, ``(S,)``.

    Over those that turn somewhere, measured or predicted. One that lies beyond the cells counts as
    their end, so that the distance is at least so much.

    Args:
        crossings: of one kind.
        relative: whether the distance is |log(measured / predicted)|, or in their own unit.

    Raises:
        ValueError: none turns anywhere.
    """
    turning = [crossing for crossing in crossings if crossing.somewhere]
    if not turning:
        raise ValueError(
            "crossings: no change turns its sign, neither measured nor predicted; needed one. "
            "Train cells on both sides of the threshold."
        )
    scale = np.log if relative else np.asarray
    return np.mean([np.abs(scale(c.measured) - scale(c.predicted)) for c in turning], axis=0)


def sign_change(x: Array, y: Array) -> float:
    """Return where ``y (K,)`` first changes its sign as ``x (K,)`` grows; NaN if nowhere.

    >>> sign_change(np.array([0.0, 1.0, 2.0]), np.array([-1.0, -1.0, 3.0]))
    1.25
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    places = np.flatnonzero(np.sign(y[:-1]) * np.sign(y[1:]) <= 0)
    if not len(places):
        return float("nan")
    k = places[0]
    if y[k] == y[k + 1]:  # both are zero
        return float(x[k])
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def turns(x: Array, y: Array, rises: bool) -> Array:
    """Return where each row of ``y (S, K)`` turns along ``x (S, K)``, ``(S,)``.

    Where it does not, the end of ``x`` beyond which it would. What is NaN in ``y`` is left out.
    """
    found = []
    for xs, ys in zip(x, y, strict=True):
        known = np.isfinite(ys)
        place = sign_change(xs[known], ys[known])
        if np.isnan(place):
            still_to_come = (ys[known] < 0).all() == rises
            place = float(xs.max() if still_to_come else xs.min())
        found.append(place)
    return np.array(found)


def bootstrap(x: Array, y: Array, alpha: float = 0.05) -> tuple[float, float, float]:
    """Return the crossing of the means over seeds, and the ends of its interval.

    Seeds are drawn again with replacement, both numbers of a seed together. Trap: with few seeds
    such an interval is too narrow; with three it can hold no more than their range.

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


def _inside(places: Array, axis: Array) -> npt.NDArray[np.bool_]:
    return (axis[:, 0] < places) & (places < axis[:, 1])
