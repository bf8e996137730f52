"""Does a run lie where the reference's seeds put it? The statistics of the gate, numpy alone.

MLPerf compares a submission with reference convergence points (RCPs) by a one-sided two-sample
Student t test of the means with pooled variance, at 0.05, one quantity at a time:

    reject where  mean_run < mean_ref - t * s * sqrt(1/n + 1/m),    n + m - 2 degrees of freedom

(``_find_p_value`` and ``_find_min_acceptable_mean`` of ``mlperf_logging/rcp_checker``,
github.com/mlcommons/logging). What is kept of it, and what is different:

- **Kept**: the statistic t, and twice as many reference runs as tested ones, or more.
- **Both directions.** There only a run that converges too fast is suspect: it may have cheated.
  Here a change of a library may shrink an effect or blow it up, and either is a change of what is
  trained. So each direction is a one-sided test at half the level.
- **The largest deviation too.** A run may change in spread and not in mean, so that the seed
  farthest from the reference's mean is looked at as well, in its standard deviations.
- **One family.** A night looks at a hundred quantities, and one false alarm is an alarm. The level
  is that of the whole family.
- **No normal distribution.** Effects are bounded, skew or constant. Bonferroni with Student's t
  relies on tails that twelve seeds say nothing of: where 58 independent quantities have three
  degrees of freedom it raises a false alarm in 6 of 10 nights instead of 1 in 50. The level is
  therefore that of a permutation test (Westfall & Young 1993, single-step max T): if nothing has
  changed, the run's seeds are seeds like the reference's, and whichever n of the n + m had been the
  run's would have done as well. An alarm is a statistic that is larger than the largest
  of all quantities under all but the fewest of these choices. This is exact whatever the
  distribution and the dependence of the quantities, a seed being taken with all its values at once.

What it costs: of 12 and 3 seeds, a single strange one falls into the run in one choice of 5, and
two in 13 of 455, so that an alarm takes all three. Fewer are named (``Band.far_out``), and the
seeds of the next night decide, given together with these.

Quantities that were measured on the same seeds are one stratum, exchanged together. The level is
shared among strata by their numbers of quantities, and halved between the two statistics.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 1 / 50
"""Share of nights on which any quantity may be an alarm although nothing has changed."""
LEAST_REFERENCE = 12
"""Seeds that a reference needs."""
MOST_CHOICES = 6_500
"""Choices of the run's seeds that are looked at; of more, so many are drawn."""
ROUNDING = 1e-12
"""A spread below this share of the values' size is none."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Band:
    """Where the mean of a run's seeds is expected, and whether it is there."""

    mean: float
    """Of the reference."""
    low: float
    high: float
    """Ends of the band of the run's mean; infinite where no mean could be told from it."""
    p_mean: float
    """Family-wise: outside if not above the level. Of the mean's deviation."""
    p_largest: float
    """Of the deviation of the seed farthest from the reference's mean."""
    far_out: bool
    """Student's t, valid for normal values alone, calls one seed strange. No alarm by itself."""

    def outside(self, level: float = LEVEL) -> bool:
        """Say whether the run is an alarm."""
        return min(self.p_mean, self.p_largest) <= level


def bands(
    strata: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], level: float = LEVEL
) -> list[list[Band]]:
    """Return the band of every quantity of every stratum.

    Args:
        strata: reference ``(m, K)`` and run ``(n, K)`` of K quantities on the same seeds.
        level: of all of them together.
    """
    arrays = [(np.asarray(r, float), np.asarray(x, float)) for r, x in strata]
    total = sum(reference.shape[1] for reference, _ in arrays)
    return [
        _stratum(reference, run, reference.shape[1] / total / 2, level, total)
        for reference, run in arrays
    ]


def can_tell(reference: int, run: int, share: float = 1.0, level: float = LEVEL) -> bool:
    """Say whether so many seeds could ever be an alarm, for a stratum with a share of the family.

    The fewest choices are one of C(m + n, n), or of those that are drawn.
    """
    return _number_of_choices(reference, run) * level * share / 2 >= 1


def least_run(reference: int, share: float = 1.0, level: float = LEVEL) -> int | None:
    """Return the fewest seeds of a run that could be an alarm; None: no number could."""
    enough = (n for n in range(1, reference + 1) if can_tell(reference, n, share, level))
    return next(enough, None)


def _number_of_choices(m: int, n: int) -> int:
    every = math.comb(m + n, n)
    return every if every <= MOST_CHOICES else MOST_CHOICES + 1  # the run's own, and drawn ones


def predicted(values: npt.ArrayLike, run: int, quantities: int) -> tuple[float, float]:
    """Return where Student's t expects the mean of ``run`` more seeds, for drawing alone.

    mean +- t * sd * sqrt(1/n + 1/m), m - 1 degrees of freedom, Bonferroni over ``quantities``.
    """
    from scipy import special

    x = np.asarray(values, float)
    quantile = special.stdtrit(len(x) - 1, 1 - LEVEL / quantities / 2)
    half = float(quantile * x.std(ddof=1) * math.sqrt(1 / run + 1 / len(x)))
    return float(x.mean()) - half, float(x.mean()) + half


def _stratum(reference: Array, run: Array, share: float, level: float, total: int) -> list[Band]:
    values = np.concatenate([reference, run])
    m, n = len(reference), len(run)
    chosen = _choices(m, n)
    mean, largest, width = _statistics(values, chosen)
    allowed = math.floor(len(chosen) * level * share + 1e-9)
    p_mean, p_largest = (_adjusted(found, share) for found in (mean, largest))
    most = np.sort(mean.max(axis=1))[::-1]
    least = most[allowed] if allowed else np.inf  # an alarm is above it
    flat = 0.0 if np.isfinite(least) else np.inf
    half = np.where(width == 0, flat, least * np.where(width == 0, 1.0, width))
    centre = reference.mean(axis=0)
    strange = _student(largest[0], m, n) <= level / total
    return [
        Band(
            mean=float(centre[k]), low=float(centre[k] - half[k]), high=float(centre[k] + half[k]),
            p_mean=float(p_mean[k]), p_largest=float(p_largest[k]), far_out=bool(strange[k]),
        )
        for k in range(values.shape[1])
    ]  # fmt: skip


def _choices(m: int, n: int) -> npt.NDArray[np.bool_]:
    """Return which rows could have been the run's ``(C, m + n)``; the first is which they are."""
    total = m + n
    mine = np.zeros((1, total), bool)
    mine[0, m:] = True
    if math.comb(total, n) <= MOST_CHOICES:
        rows = np.array(list(itertools.combinations(range(total), n)))
    else:
        draw = np.random.default_rng(0)
        rows = np.argsort(draw.random((MOST_CHOICES, total)), axis=1)[:, :n]
    others = np.zeros((len(rows), total), bool)
    np.put_along_axis(others, rows, True, axis=1)
    if math.comb(total, n) <= MOST_CHOICES:
        others = others[~(others == mine).all(axis=1)]
    return np.concatenate([mine, others])


def _statistics(values: Array, chosen: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Return both statistics ``(C, K)``, and the first's standard error as things are ``(K,)``.

    |mean_run - mean_ref| / (s sqrt(1/n + 1/m)), s pooled; max |x - mean_ref| / (s_ref sqrt(1 +
    1/m)) over the run's seeds x. Where there is no spread: 0 without a deviation, else infinite.
    """
    centred = values - values.mean(axis=0)
    rounding = ROUNDING * np.abs(values).max(axis=0)
    centred = np.where(np.abs(centred) <= rounding, 0.0, centred)
    n, m = int(chosen[0].sum()), int((~chosen[0]).sum())
    run = centred[np.nonzero(chosen)[1].reshape(len(chosen), n)]
    mean_run, square_run = _moments(run)
    mean_rest, square_rest = _moments(centred[np.nonzero(~chosen)[1].reshape(len(chosen), m)])
    pooled = np.sqrt((square_run + square_rest) / (n + m - 2) * (1 / n + 1 / m))
    alone = np.sqrt(square_rest / (m - 1) * (1 + 1 / m))
    farthest = np.abs(run - mean_rest[:, None, :]).max(axis=1)
    mean = _ratio(np.abs(mean_run - mean_rest), pooled, rounding)
    return mean, _ratio(farthest, alone, rounding), np.where(pooled[0] <= rounding, 0, pooled[0])


def _moments(values: Array) -> tuple[Array, Array]:
    """Return means and sums of squares about them ``(C, K)`` of values ``(C, n, K)``.

    Not as a difference of sums: what that leaves of equal values would tell tied choices apart.
    """
    means = values.mean(axis=1)
    return means, ((values - means[:, None, :]) ** 2).sum(axis=1)


def _ratio(deviation: Array, error: Array, rounding: Array) -> Array:
    """Return the quotient; a deviation or an error that is rounding alone counts as zero."""
    deviation = np.where(deviation <= rounding, 0.0, deviation)
    safe = np.where(error <= rounding, 1.0, error)
    infinite = np.where(deviation > 0, np.inf, 0.0)
    return np.where(error <= rounding, infinite, deviation / safe)


def _adjusted(found: Array, share: float) -> Array:
    """Return the family-wise p-value ``(K,)``: choices whose largest reaches it, over the share."""
    most = found.max(axis=1)
    reached = (most[:, None] >= found[0] * (1 - 1e-9)).mean(axis=0)
    return np.minimum(1.0, reached / share)


def _student(largest: Array, m: int, n: int) -> Array:
    """Return the two-sided p-value of the largest of n deviations if values were normal."""
    from scipy import special

    return np.minimum(1.0, n * 2 * special.stdtr(m - 1, -largest))
