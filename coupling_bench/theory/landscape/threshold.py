"""R3: when RL must raise the SFT loss, when it must lower it, and what is left open.

c = -cos(g_L, Delta) says how far RL moves down the SFT loss. Along the move the curvature of L lies
between kappa and M. Trap: the region where RL lowers the loss is not the one where more RL is worth
its price; that is ``duration``'s question.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from coupling_bench.theory.landscape.change import Array, Number

Guaranteed = Literal["falls", "rises", "undetermined"]


def least_gradient_to_fall(distance: Number, descent: Number, smoothness: Number) -> Array:
    """Return the gradient norm above which the loss must fall, in nats a unit of distance.

    ||g_L|| > M s / (2 c), for c > 0; unbounded for c <= 0. Source: derived from the descent lemma,
    dL <= -c ||g_L|| s + M s^2 / 2.

    >>> float(least_gradient_to_fall(0.1, 0.5, 2.0))
    0.2
    """
    return _over(smoothness * distance / 2, descent)


def most_gradient_to_rise(distance: Number, descent: Number, curvature: Number) -> Array:
    """Return the gradient norm below which the loss must rise, in nats a unit of distance.

    ||g_L|| < kappa s / (2 c), for c > 0; unbounded for c <= 0 and kappa > 0, below 0 (never) for a
    negative kappa. Source: derived from dL >= -c ||g_L|| s + kappa s^2 / 2.

    >>> float(most_gradient_to_rise(0.1, 0.5, 1.0))
    0.1
    """
    unbounded = np.where(np.asarray(curvature) > 0, np.inf, -np.inf)
    return np.where(np.asarray(descent) > 0, _over(curvature * distance / 2, descent), unbounded)


def guaranteed(
    gradient: float, distance: float, descent: float, curvature: float, smoothness: float
) -> Guaranteed:
    """Return what a move must do to the loss, by the gradient norm alone.

    Args:
        gradient: ||g_L||.
        distance: s.
        descent: c.
        curvature: kappa, the least of Delta' H_L Delta / s^2 on the way.
        smoothness: M.

    >>> guaranteed(0.3, 0.1, 0.5, 1.0, 2.0), guaranteed(0.05, 0.1, 0.5, 1.0, 2.0)
    ('falls', 'rises')
    """
    if gradient > least_gradient_to_fall(distance, descent, smoothness):
        return "falls"
    return (
        "rises"
        if gradient < most_gradient_to_rise(distance, descent, curvature)
        else "undetermined"
    )


def least_epsilon_to_fall(
    distance: Number, descent: Number, smoothness: Number, mu: Number
) -> Array:
    """Return the sub-optimality above which the loss must fall, in nats per sequence.

    epsilon > M^2 s^2 / (8 mu c^2), for c > 0. Source: derived from ``least_gradient_to_fall`` and
    PL, ||g_L||^2 >= 2 mu epsilon.

    >>> float(least_epsilon_to_fall(0.1, 0.5, 2.0, 0.5).round(12))
    0.04
    """
    return least_gradient_to_fall(distance, descent, smoothness) ** 2 / (2 * mu)


def most_epsilon_to_rise(
    distance: Number, descent: Number, curvature: Number, smoothness: Number
) -> Array:
    """Return the sub-optimality below which the loss must rise, in nats per sequence.

    epsilon < kappa^2 s^2 / (8 M c^2), for c > 0; never for kappa <= 0. Source: derived from
    ``most_gradient_to_rise`` and smoothness, ||g_L||^2 <= 2 M epsilon.

    >>> float(most_epsilon_to_rise(0.1, 0.5, 1.0, 2.0).round(12))
    0.0025
    """
    bound = most_gradient_to_rise(distance, descent, curvature)
    return np.where(bound > 0, bound**2 / (2 * smoothness), -np.inf)


def _over(numerator: Number, descent: npt.ArrayLike) -> Array:
    down = np.asarray(descent, dtype=float)
    known = np.where(down > 0, down, 1.0)
    return np.where(down > 0, numerator / known, np.inf)
