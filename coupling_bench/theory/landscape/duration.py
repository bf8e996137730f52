"""R2: how long RL should run when a nat of SFT loss weighs as much as lambda of reward.

U(t) = [J(t) - J(0)] - lambda [L(t) - L(0)] has its maximum at t*. A concave J and a convex L always
have an interior maximum for some lambda, so a peak is no evidence; that t* can be predicted is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def quadratic_duration(
    *,
    reward_slope: float,
    loss_slope: float,
    reward_curvature: float,
    loss_curvature: float,
    weight: float,
    last: float,
) -> float:
    """Return t* of a quadratic U, in the unit of time of its derivatives, between 0 and ``last``.

    U(t) = A t - B t^2 / 2 has its maximum at A / B where both are positive, and else at one of the
    ends: at the last where A - B last / 2 > 0. On the flow theta' = g_J: A = J' - lambda L',
    B = lambda L'' - J'', with J' = ||g_J||^2, L' = <g_L, g_J>, J'' = 2 g_J' H_J g_J and
    L'' = g_J' H_L g_J + g_L' H_J g_J. Source: derived.

    >>> quadratic_duration(reward_slope=2.0, loss_slope=0.0, reward_curvature=-1.0,
    ...                    loss_curvature=3.0, weight=1.0, last=9.0)
    0.5
    """
    gain = reward_slope - weight * loss_slope
    bend = weight * loss_curvature - reward_curvature
    if gain > 0 and bend > 0:
        return min(gain / bend, last)
    return last if gain - bend * last / 2 > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """A reward that saturates and a loss that grows from its optimum, as functions of time.

    J(t) = J_0 + gain (1 - e^{-2 rate t}), as gradient flow on a PL reward gives with mu_J = rate,
    and L(t) = L_0 + curvature t^2 / 2, for g_L = 0. Source: derived.
    """

    rate: float
    """mu_J, per unit of time."""
    gain: float
    """What the reward can still gain, in reward units."""
    curvature: float
    """kappa_L, in nats per squared unit of time."""

    def utility(self, time: npt.ArrayLike, weight: float) -> Array:
        """Return U at each time, in reward units."""
        t = np.asarray(time, dtype=float)
        return -self.gain * np.expm1(-2 * self.rate * t) - weight * self.curvature * t**2 / 2

    def best_duration(self, weight: float) -> float:
        """Return t* = W(4 mu_J^2 gain / (lambda kappa_L)) / (2 mu_J), unbounded without cost.

        W is Lambert's function. It falls in lambda and in kappa_L and rises in the gain.

        >>> round(Saturation(rate=0.5, gain=np.e, curvature=1.0).best_duration(1.0), 6)
        1.0
        """
        from scipy.special import lambertw

        cost = weight * self.curvature
        if cost <= 0:
            return np.inf
        return float(lambertw(4 * self.rate**2 * self.gain / cost).real / (2 * self.rate))


def fit_saturation(time: Array, reward: Array, loss: Array) -> Saturation:
    """Return the saturation whose curves are nearest to those of a run, by least squares.

    Both curves are taken from their first point. ``rate`` is searched over times from a hundredth
    of the span to a hundred of it; ``gain`` and ``curvature`` are linear and exact.

    Args:
        time: ``(N,)``, from 0, at least three.
        reward: ``(N,)``.
        loss: ``(N,)``.

    Raises:
        ValueError: there are fewer than three points.
    """
    from scipy.optimize import minimize_scalar

    if len(time) < 3:
        raise ValueError(
            f"fit_saturation: three unknowns need three points or more, got {len(time)}. Store "
            "more snapshots of the run (snapshot_every)."
        )
    gained, lost, span = reward - reward[0], loss - loss[0], float(time[-1])

    def fitted(log_rate: float) -> tuple[float, float]:
        shape = -np.expm1(-2 * np.exp(log_rate) * time)
        gain = float(shape @ gained / (shape @ shape))
        return gain, float(((gained - gain * shape) ** 2).sum())

    found = minimize_scalar(
        lambda log_rate: fitted(log_rate)[1],
        bounds=(np.log(0.01 / span), np.log(100 / span)),
        method="bounded",
        options={"xatol": 1e-8},
    )
    bowl = time**2 / 2
    return Saturation(
        rate=float(np.exp(found.x)),
        gain=fitted(found.x)[0],
        curvature=float(bowl @ lost / (bowl @ bowl)),
    )


def best_snapshot(reward: Array, loss: Array, weight: float) -> int:
    """Return which snapshot of a run has the largest U; the first of equals."""
    return int(np.argmax((reward - reward[0]) - weight * (loss - loss[0])))


def exchange_rate(reward: Array, loss: Array) -> float:
    """Return lambda_0 = (J_T - J_0) / (L_T - L_0): at it the whole run is worth nothing.

    In reward units a nat per sequence; unbounded where the loss did not rise.
    """
    risen = float(loss[-1] - loss[0])
    return float(reward[-1] - reward[0]) / risen if risen > 0 else np.inf


def on_pareto_front(gain: Array, cost: Array) -> npt.NDArray[np.bool_]:
    """Say of each point whether none has as much gain at less cost, or more at no more, ``(N,)``.

    >>> on_pareto_front(np.array([0.0, 1.0, 1.0]), np.array([0.0, 2.0, 1.0])).tolist()
    [True, False, True]
    """
    better = (gain[None] >= gain[:, None]) & (cost[None] <= cost[:, None])
    strictly = (gain[None] > gain[:, None]) | (cost[None] < cost[:, None])
    return np.logical_not((better & strictly).any(axis=1))
