"""R1: what a move of the weights does to the SFT loss, by its gradient and curvature.

Under M-smoothness and PL the loss change is held from both sides by what can be measured; at the
optimum the linear term is gone and only curvature along the move is left.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Number = float | Array


def second_order(slope: Number, curvature: Number) -> Array:
    """Return the loss change that a quadratic predicts, in nats per sequence.

    dL = <g_L, Delta> + Delta' H_L Delta / 2, exact where L is quadratic, and else up to O(s^3). At
    g_L = 0 and for a PSD H_L it is positive unless Delta lies in the kernel of H_L. Source: Taylor;
    the form that arXiv:2601.07389v2's "RL increases SFT loss" takes here is derived.

    Args:
        slope: <g_L, Delta>.
        curvature: Delta' H_L Delta.

    >>> float(second_order(-0.1, 0.6))
    0.2
    """
    return np.asarray(slope + curvature / 2)


def least_change(squared_gradient: Number, smoothness: Number, sub_optimality: Number) -> Array:
    """Return the least that the loss changed, by the gradient where RL ended, in nats per sequence.

    dL >= ||grad L(theta_T)||^2 / (2 M) - epsilon, since M-smoothness gives
    ||grad L||^2 <= 2 M (L - L*). Source: derived from Karimi, Nutini and Schmidt,
    arXiv:1608.04636, section 2.

    >>> float(least_change(0.4, 2.0, 0.05).round(12))
    0.05
    """
    return np.asarray(squared_gradient / (2 * smoothness) - sub_optimality)


def most_change(slope: Number, smoothness: Number, distance: Number) -> Array:
    """Return the most that the loss changes over a distance, in nats per sequence.

    dL <= <g_L, Delta> + M s^2 / 2. Source: the descent lemma.

    >>> float(most_change(-0.1, 2.0, 0.5))
    0.15
    """
    return np.asarray(slope + smoothness * distance**2 / 2)


def most_change_by_pl(squared_gradient: Number, mu: Number, sub_optimality: Number) -> Array:
    """Return the most that the loss changed, by the gradient where RL ended, in nats per sequence.

    dL <= ||grad L(theta_T)||^2 / (2 mu) - epsilon. Source: derived from the PL inequality at
    theta_T.

    >>> float(most_change_by_pl(0.4, 1.0, 0.05).round(12))
    0.15
    """
    return np.asarray(squared_gradient / (2 * mu) - sub_optimality)


def quadratic_growth(mu: Number, distance_to_optima: Number) -> Array:
    """Return the least sub-optimality at a distance from the optima, in nats per sequence.

    L - L* >= mu dist(theta, Theta*)^2 / 2, which PL implies. Hence dL is positive once RL's
    distance from the optima passes sqrt(2 epsilon / mu). Source: Karimi, Nutini and Schmidt,
    arXiv:1608.04636, Theorem 2 and appendix A.

    >>> float(quadratic_growth(2.0, 0.5))
    0.25
    """
    return np.asarray(mu * distance_to_optima**2 / 2)


def pl_ratio(squared_gradient: Number, sub_optimality: Number) -> Array:
    """Return the largest mu that PL allows at a point, ||grad L||^2 / (2 (L - L*))."""
    return np.asarray(squared_gradient / (2 * sub_optimality))


def pl_slope(squared_gradient: Array, sub_optimality: Array) -> float:
    """Return the slope of log ||grad L||^2 over log(L - L*) along a path, by least squares.

    1 where the ratio of the two settles, as PL with smoothness makes it in the end; 2 where
    ||grad L|| falls like L - L*, as of a logistic loss whose optimum lies at infinity: then no
    mu > 0 holds. Trap: on the way to a PL optimum the slope is above 1, see ``slope_of_a_flow``.

    Args:
        squared_gradient: ``(N,)`` along the path.
        sub_optimality: ``(N,)``, positive.

    >>> round(pl_slope(np.array([4.0, 1.0, 0.25]), np.array([2.0, 1.0, 0.5])), 6)
    2.0
    """
    return float(np.polyfit(np.log(sub_optimality), np.log(squared_gradient), 1)[0])


def slope_of_a_flow(eigenvalues: Array, excess: Array) -> Array:
    """Return the slope of log ||grad L||^2 over log(L - L*) at a point of a quadratic's flow.

    With excess_i the part of L - L* that lies along eigenvalue lambda_i, gradient flow gives
    (sum lambda_i^2 excess_i)(sum excess_i) / (sum lambda_i excess_i)^2 >= 1: one plus the squared
    coefficient of variation of the curvature. So a slope above 1 on the way is no evidence against
    PL; it must be taken where one eigenvalue is left. Source: derived (Cauchy-Schwarz).

    Args:
        eigenvalues: ``(..., D)``.
        excess: ``(..., D)``, in nats.

    >>> float(slope_of_a_flow(np.array([1.0, 3.0]), np.array([0.5, 0.5])))
    1.25
    """
    moments = [(eigenvalues**power * excess).sum(axis=-1) for power in (0, 1, 2)]
    return moments[2] * moments[0] / moments[1] ** 2
