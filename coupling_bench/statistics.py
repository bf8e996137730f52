"""Intervals, tests and power for a handful of seeds: numpy and scipy, no torch.

Evidence is a vector of per-seed paired differences ``(S,)``. Everything here is two-sided with
level ``alpha`` unless it says otherwise. scipy is imported where it is needed: it takes a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
MOST_SEEDS = 1000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the ends of its confidence interval, which may be infinite."""

    estimate: float
    low: float
    high: float

    def inside(self, low: float | None, high: float | None) -> bool:
        """Say whether the whole interval lies strictly between two bounds; None: no bound."""
        return (low is None or self.low > low) and (high is None or self.high < high)


def student_interval(values: npt.ArrayLike, alpha: float = 0.05) -> Interval:
    """Return the mean of ``values`` ``(S,)`` with its Student-t interval.

    One value gives an unbounded interval. Values that are all identical give a point interval.

    >>> student_interval([1.0, 2.0, 3.0]).low  # 2 - 4.3027 / sqrt(3)
    -0.4841...
    """
    values = _finite_vector(values)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(estimate=mean, low=-math.inf, high=math.inf)
    half = _t_quantile(alpha, len(values) - 1) * _standard_error(values)
    return Interval(estimate=mean, low=mean - half, high=mean + half)


def slope_interval(x: npt.ArrayLike, y: npt.ArrayLike, alpha: float = 0.05) -> Interval:
    """Return the least-squares slope of ``y`` on ``x`` with its interval from the residuals.

    The unit is that of ``y`` per unit of ``x``. Fewer than three points give an unbounded interval.
    """
    x, y = _finite_vector(x), _finite_vector(y)
    if len(x) < 2:
        return Interval(estimate=0.0, low=-math.inf, high=math.inf)
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (y - y.mean())) / spread
    if len(x) == 2:
        return Interval(estimate=slope, low=-math.inf, high=math.inf)
    residuals = y - y.mean() - slope * centred
    error = math.sqrt(float(residuals @ residuals) / (len(x) - 2) / spread)
    half = _t_quantile(alpha, len(x) - 2) * error
    return Interval(estimate=slope, low=slope - half, high=slope + half)


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Spearman's correlation of two ``(N,)``; 0 where either is constant.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """
    from scipy.stats import rankdata

    first, second = (rankdata(values) for values in (_finite_vector(x), _finite_vector(y)))
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt((first @ first) * (second @ second))
    return float(first @ second / scale) if scale else 0.0


def two_way_interval(
    estimate: float, seed_error: float, seeds: int, item_error: float, items: int, alpha: float
) -> Interval:
    """Return an interval for a statistic that varies with seeds and with the items it is scored on.

    The seeds share their items, so the two variances add; the degrees of freedom are
    Welch-Satterthwaite's. With one seed the spread over seeds is unknown: unbounded.

    Args:
        estimate: the statistic, averaged over seeds.
        seed_error: standard error of that average over seeds.
        seeds: number of seeds, S.
        item_error: standard error over items, with the seeds fixed.
        items: number of items, P.
        alpha: level, two-sided.
    """
    if seeds < 2:
        return Interval(estimate=estimate, low=-math.inf, high=math.inf)
    variance = seed_error**2 + item_error**2
    if variance == 0.0:
        return Interval(estimate=estimate, low=estimate, high=estimate)
    freedom = variance**2 / (seed_error**4 / (seeds - 1) + item_error**4 / (items - 1))
    half = _t_quantile(alpha, freedom) * math.sqrt(variance)
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half)


def p_value(values: npt.ArrayLike, margin: float) -> float | None:
    """Return the two-sided p-value of "the mean is ``margin``", None for one value."""
    from scipy import special

    values = _finite_vector(values)
    if len(values) < 2:
        return None
    error = _standard_error(values)
    if error == 0.0:
        return 1.0 if values[0] == margin else 0.0
    return float(2 * special.stdtr(len(values) - 1, -abs(values.mean() - margin) / error))


def holm(p_values: list[float]) -> list[float]:
    """Return Holm's adjusted p-values: how many claims were looked at is taken into account.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def smallest_detectable_effect(
    values: npt.ArrayLike, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Return the distance from the margin that these seeds would find with probability ``power``.

    In the unit of ``values``, from their own spread; None for one value.
    """
    values = _finite_vector(values)
    if len(values) < 2:
        return None
    spread = float(values.std(ddof=1))
    return spread * float(_detectable_in_spreads(len(values), alpha, power))


def seeds_needed(
    values: npt.ArrayLike, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Return how many seeds would tell the mean of ``values`` from ``margin``, None if too many.

    Assumes that effect and spread stay as they are; no number tells a mean from itself.
    """
    values = _finite_vector(values)
    if len(values) < 2:
        return None
    distance, spread = abs(float(values.mean()) - margin), float(values.std(ddof=1))
    if distance == 0.0:
        return None
    seeds = np.arange(2, MOST_SEEDS + 1)
    enough = seeds[spread * _detectable_in_spreads(seeds, alpha, power) <= distance]
    return int(enough[0]) if len(enough) else None


def _detectable_in_spreads(seeds: npt.ArrayLike, alpha: float, power: float) -> Vector:
    """Return the effect, in standard deviations, that a paired t-test finds with ``power``."""
    from scipy import special

    seeds = np.asarray(seeds)
    quantiles = special.stdtrit(seeds - 1, 1 - alpha / 2) + special.stdtrit(seeds - 1, power)
    return quantiles / np.sqrt(seeds)


def _t_quantile(alpha: float, freedom: float) -> float:
    from scipy import special

    return float(special.stdtrit(freedom, 1 - alpha / 2))


def _standard_error(values: Vector) -> float:
    if np.all(values == values[0]):  # rounding would leave a spread of 1e-17
        return 0.0
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _finite_vector(values: npt.ArrayLike) -> Vector:
    vector = np.asarray(values, dtype=float)
    if vector.ndim != 1 or len(vector) == 0:
        raise ValueError(f"statistics: values have shape {vector.shape}, needed one axis (S,).")
    if not np.all(np.isfinite(vector)):
        raise ValueError(f"statistics: values must be finite, found {vector.tolist()}.")
    return vector
