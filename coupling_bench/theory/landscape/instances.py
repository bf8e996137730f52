"""Random losses whose constants are known: what the derived results are tried on.

Quadratics with flat directions among their optima, and x^2 + 3 sin^2 x, which satisfies PL and is
not convex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coupling_bench.theory.landscape.change import Array

MU, SMOOTHNESS = 1 / 32, 8.0
"""Constants of ``waves``: its PL constant (Karimi, Nutini and Schmidt, arXiv:1608.04636, section
2.1) and the largest of its second derivative."""


@dataclass(frozen=True, kw_only=True)
class Moves:
    """N moves from points of M-smooth mu-PL losses, in nats and units of distance."""

    sub_optimality: Array
    """Epsilon = L - L* where the move starts, ``(N,)``."""
    change: Array
    """dL, ``(N,)``."""
    gradient: Array
    """g_L where the move starts, ``(N, D)``."""
    last_gradient: Array
    """The same where it ends, ``(N, D)``."""
    move: Array
    """Delta, ``(N, D)``."""
    curvature: Array
    """kappa, the least of Delta' H_L Delta / s^2 on the way, ``(N,)``."""
    distance_to_optima: Array
    """Of the end of the move, ``(N,)``."""
    mu: Array
    smoothness: Array

    @property
    def distance(self) -> Array:
        """The length s of the move, ``(N,)``."""
        return np.linalg.norm(self.move, axis=1)

    @property
    def slope(self) -> Array:
        """<g_L, Delta>, ``(N,)``."""
        return (self.gradient * self.move).sum(axis=1)

    @property
    def descent(self) -> Array:
        """The cosine c between Delta and -g_L, 0 where the gradient is, ``(N,)``."""
        norms = np.linalg.norm(self.gradient, axis=1) * self.distance
        return -np.divide(self.slope, norms, out=np.zeros_like(norms), where=norms > 0)

    @property
    def scale(self) -> Array:
        """What the loss is made of, in nats: rounding is relative to it, ``(N,)``."""
        return self.sub_optimality + np.abs(self.slope) + self.smoothness * self.distance**2


def curvatures(generator: np.random.Generator, instances: int, size: int) -> Array:
    """Eigenvalues over four decades, falling, a third of them 0 but never the first, ``(N, D)``."""
    values = 10.0 ** generator.uniform(-2, 2, (instances, size))
    values[:, 1:] *= generator.uniform(size=(instances, size - 1)) > 1 / 3
    return -np.sort(-values, axis=1)


def quadratics(generator: np.random.Generator, instances: int, size: int) -> Moves:
    """Draw moves on L = theta' H theta / 2, some from an optimum, from short to far.

    H is diagonal: a rotation of the weights changes nothing.
    """
    values = curvatures(generator, instances, size)
    start = generator.normal(size=(instances, size)) * _sizes(generator, instances)
    start[::10] *= values[::10] == 0
    move = generator.normal(size=(instances, size)) * _sizes(generator, instances)
    down = generator.uniform(size=(instances, 1)) * _sizes(generator, instances)
    move[1::2] -= (down * values * start)[1::2]
    end = start + move
    loss, after = ((values * x**2).sum(axis=1) / 2 for x in (start, end))
    return Moves(
        sub_optimality=loss,
        change=after - loss,
        gradient=values * start,
        last_gradient=values * end,
        move=move,
        curvature=(values * move**2).sum(axis=1) / (move**2).sum(axis=1),
        distance_to_optima=np.linalg.norm(end * (values > 0), axis=1),
        mu=np.where(values > 0, values, np.inf).min(axis=1),
        smoothness=values[:, 0],
    )


def waves(generator: np.random.Generator, instances: int) -> Moves:
    """Draw moves on L(x) = x^2 + 3 sin^2 x, whose curvature 2 + 6 cos 2x is not always positive."""
    start = generator.normal(size=instances) * _sizes(generator, instances)[:, 0]
    move = generator.normal(size=instances) * _sizes(generator, instances)[:, 0]
    end = start + move
    low, high = np.minimum(start, end), np.maximum(start, end)
    holds_trough = np.floor(high / np.pi - 0.5) >= np.ceil(low / np.pi - 0.5)
    at_ends = 2 + 6 * np.minimum(np.cos(2 * start), np.cos(2 * end))
    loss, after = (x**2 + 3 * np.sin(x) ** 2 for x in (start, end))
    return Moves(
        sub_optimality=loss,
        change=after - loss,
        gradient=(2 * start + 3 * np.sin(2 * start))[:, None],
        last_gradient=(2 * end + 3 * np.sin(2 * end))[:, None],
        move=move[:, None],
        curvature=np.where(holds_trough, -4.0, at_ends),
        distance_to_optima=np.abs(end),
        mu=np.full(instances, MU),
        smoothness=np.full(instances, SMOOTHNESS),
    )


def _sizes(generator: np.random.Generator, instances: int) -> Array:
    return 10.0 ** generator.uniform(-2, 1, (instances, 1))
