"""When RL that reaches its closed form lowers the SFT loss, and when it raises it.

With lambda = 1/beta the change of the loss is f(lambda) = E_q log E_ref[e^{lambda r}] - lambda J_D.
It is convex, f(0) = 0, f'(0) = J_ref - J_D and f'(infinity) = E_q r_max - J_D. Hence three cases,
and one beta* in the middle one. Source: derived from Eq. 8 of arXiv:2601.07389v1; not in the paper.
Functions here take one instance, ``(X, Y)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from coupling_bench.theory.policies import Array, expected, mean_over_prompts, variance
from coupling_bench.theory.regularised import best_regularised_reward
from coupling_bench.theory.tilting import tilt

Regime = Literal["raises", "depends", "lowers"]
SAME = 1e-12
"""Rewards that differ by less, relative to their width, are the same but for rounding."""
ULPS = 8
"""What rounding may cost a mean of rewards, in the last digits of the largest."""


def regime(
    reference: Array, demonstrators: Array, rewards: Array, weights: Array | None = None
) -> Regime:
    """Return what RL that reaches its closed form does to the SFT loss.

    ``raises``: J_D <= J_ref, the loss falls at no beta (Theorem 3.1 of arXiv:2601.07389v1 is its
    case J_D = J_ref). ``lowers``: J_D = E r_max, all demonstrations earn the most that the
    reference ever gets, and the loss rises at no beta. ``depends``: it falls above beta* and rises
    below. The demonstrators give no answer that the reference never gives. Source: derived.
    """
    start, demonstrated, most = _rewards(reference, demonstrators, rewards, weights)
    rounding = _rounding(rewards)
    if demonstrated <= start + rounding:
        return "raises"
    return "lowers" if demonstrated >= most - rounding else "depends"


def threshold_beta(
    reference: Array, demonstrators: Array, rewards: Array, weights: Array | None = None
) -> float | None:
    """Return beta*, above which RL lowers the SFT loss and below which it raises it, reward a nat.

    The root of f(1/beta) = E_q log Z_beta - J_D / beta, where the best regularised reward
    beta E_q log Z_beta, which falls in beta, is J_D. None in the cases without one, see ``regime``.
    Source: derived.

    >>> coin, right = np.array([[0.5, 0.5]]), np.array([[1.0, -1.0]])
    >>> round(threshold_beta(coin, np.array([[0.9, 0.1]]), right), 4)
    0.2889
    >>> threshold_beta(coin, coin, right) is None
    True
    """
    if regime(reference, demonstrators, rewards, weights) != "depends":
        return None
    start, demonstrated, _ = _rewards(reference, demonstrators, rewards, weights)

    def excess(inverse: float) -> float:
        best = best_regularised_reward(reference, rewards, 1 / inverse, weights)
        return float(best) - demonstrated

    # beta E log Z <= J_ref + w^2 / (8 beta) (Hoeffding's lemma)
    return 1 / _rising_root(excess, 8 * (demonstrated - start) / float(np.ptp(rewards)) ** 2)


def threshold_beta_for_small_gaps(
    reference: Array, demonstrators: Array, rewards: Array, weights: Array | None = None
) -> float | None:
    """Return beta* where it is far above the rewards' width, reward a nat; None if J_D <= J_ref.

    beta* ~ E_q Var_ref(r) / (2 (J_D - J_ref)), the second order of f. Trap: it knows nothing of
    E r_max, so that it gives a number for gold demonstrations, which have no threshold. Source:
    derived.
    """
    if regime(reference, demonstrators, rewards, weights) == "raises":
        return None
    start, demonstrated, _ = _rewards(reference, demonstrators, rewards, weights)
    return float(variance(reference, rewards, weights)) / (2 * (demonstrated - start))


def effective_beta(
    reference: Array, rewards: Array, reward: float, weights: Array | None = None
) -> float | None:
    """Return the beta whose optimum from ``reference`` earns ``reward``, in reward units a nat.

    J of the optimum falls in beta, from E r_max to J_ref. None where no finite beta above 0 gives
    it: the reward is not above J_ref, or not below E r_max. Source: derived from Eq. 8 of
    arXiv:2601.07389v1.
    """
    start, _, most = _rewards(reference, reference, rewards, weights)
    rounding = _rounding(rewards)
    if not start + rounding < reward < most - rounding:
        return None

    def excess(inverse: float) -> float:
        return float(expected(tilt(reference, rewards, 1 / inverse), rewards, weights)) - reward

    # J of the optimum rises in 1/beta by at most w^2 / 4, the largest variance
    return 1 / _rising_root(excess, 4 * (reward - start) / float(np.ptp(rewards)) ** 2)


def _rounding(rewards: Array) -> float:
    """Return what two rewards may differ by and be the same; not 0 where all answers earn alike."""
    return SAME * float(np.ptp(rewards)) + ULPS * float(np.spacing(np.abs(rewards).max()))


def _rewards(
    reference: Array, demonstrators: Array, rewards: Array, weights: Array | None
) -> tuple[float, float, float]:
    """Return J_ref, J_D and E_q r_max, the most that answers of the reference earn."""
    most = mean_over_prompts(_most(reference, rewards), weights)
    start, demonstrated = (expected(p, rewards, weights) for p in (reference, demonstrators))
    return float(start), float(demonstrated), float(most)


def _most(reference: Array, rewards: Array) -> Array:
    """Return r_max(x) over the answers that the reference gives, ``(X,)``."""
    return np.where(reference > 0, rewards, -np.inf).max(axis=-1)


def _rising_root(function: Callable[[float], float], low: float) -> float:
    """Return the root of a function that rises, from a place at or below it."""
    from scipy.optimize import brentq

    high = low
    while function(high) < 0:
        low, high = high, 2 * high
    if low == high:  # the root itself, but for rounding
        return low
    return float(brentq(function, low, high, xtol=1e-15 * high, rtol=1e-15))
