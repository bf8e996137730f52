"""Random instances on which theorems are tried, hard ones among them.

Each instance is drawn on its own: policies from nearly uniform to nearly deterministic, answers
without any mass, policies near each other and far apart, demonstrators that are the policy, that
are gold or that are neither, rewards of several kinds and widths (equal ones too), beta from a
hundredth to a hundred times the width of the rewards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coupling_bench.theory.policies import Array

SHAPES = ((1, 2), (6, 2), (4, 3), (3, 7), (5, 20))
"""Prompts and answers of the worlds that theorems are tried on."""


@dataclass(frozen=True, kw_only=True)
class World:
    """N instances of X prompts with Y answers."""

    first: Array
    """p1, such as p_SFT, ``(N, X, Y)``."""
    second: Array
    """p2, any policy that gives no answer which p1 never gives, ``(N, X, Y)``."""
    demonstrators: Array
    """p_D, which gives no answer that p1 never gives, ``(N, X, Y)``."""
    rewards: Array
    """``(N, X, Y)``."""
    beta: Array
    """``(N,)``."""
    weights: Array
    """q, ``(N, X)``."""

    @property
    def width(self) -> Array:
        """w, the width of the rewards, ``(N,)``."""
        return np.ptp(self.rewards, axis=(1, 2))

    @property
    def gold(self) -> Array:
        """Demonstrators that give only answers with the most that p1 earns, ``(N, X, Y)``."""
        given = np.where(self.first > 0, self.rewards, -np.inf)
        best = (given == given.max(axis=-1, keepdims=True)) * self.first
        return best / best.sum(axis=-1, keepdims=True)


def worlds(seed: int, instances: int = 1000) -> list[World]:
    """Return a world of each of ``SHAPES``, with so many instances each."""
    generator = np.random.default_rng(seed)
    return [world(generator, instances, *shape) for shape in SHAPES]


def world(generator: np.random.Generator, instances: int, prompts: int, answers: int) -> World:
    """Draw instances of one shape."""
    shape = (instances, prompts, answers)
    first = _policies(generator, shape)
    second = _near(generator, first, _on_support(_policies(generator, shape), first))
    free = _near(generator, first, _on_support(_policies(generator, shape), first))
    rewards = _rewards(generator, shape)
    drawn = World(
        first=first,
        second=second,
        demonstrators=free,
        rewards=rewards,
        beta=10 ** generator.uniform(-2, 2, instances) * np.maximum(np.ptp(rewards, (1, 2)), 0.1),
        weights=_either(generator, np.ones(shape[:2]) / prompts, _simplex(generator, shape[:2])),
    )
    kinds = [free, first, drawn.gold]
    chosen = np.choose(generator.choice(3, instances, p=[0.6, 0.2, 0.2])[:, None, None], kinds)
    return World(**{**vars(drawn), "demonstrators": chosen})


def _policies(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Policies from nearly deterministic to nearly uniform; a quarter without some answers."""
    concentration = generator.choice([0.03, 0.3, 1.0, 10.0], shape[:1])[:, None, None]
    mass = generator.standard_gamma(np.broadcast_to(concentration, shape)) + 1e-200
    missing = (generator.random(shape) < 0.4) & (generator.random(shape[:1]) < 0.25)[:, None, None]
    missing &= np.arange(shape[-1]) != generator.integers(shape[-1], size=shape[:2])[..., None]
    mass = np.where(missing, 0.0, mass)
    return mass / mass.sum(axis=-1, keepdims=True)


def _on_support(policy: Array, of: Array) -> Array:
    """Leave out of a policy the answers that another one never gives."""
    mass = np.where(of > 0, policy + 1e-200, 0.0)
    return mass / mass.sum(axis=-1, keepdims=True)


def _near(generator: np.random.Generator, first: Array, other: Array) -> Array:
    """Mixtures of two policies: the first itself, hardly away from it, or the other."""
    share = generator.choice([0.0, 1e-4, 0.03, 0.3, 1.0], len(first))[:, None, None]
    return (1 - share) * first + share * other


def _rewards(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform, right or wrong, rarely right, or equal for all answers; small, usual and large."""
    signs = np.where(generator.random(shape) < 0.5, 1.0, -1.0)
    rare = (generator.random(shape) < 0.1) * 1.0
    same = np.broadcast_to(generator.uniform(-1, 1, shape[:2])[..., None], shape)
    kinds = [generator.uniform(-1, 1, shape), signs, rare, same]
    kind = generator.choice(4, shape[0], p=[0.4, 0.3, 0.2, 0.1])[:, None, None]
    return np.choose(kind, kinds) * generator.choice([0.1, 1.0, 30.0], shape[0])[:, None, None]


def _simplex(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    mass = generator.standard_exponential(shape)
    return mass / mass.sum(axis=-1, keepdims=True)


def _either(generator: np.random.Generator, one: Array, other: Array) -> Array:
    """Take one or the other, half of the instances each."""
    return np.where(generator.random(len(one))[:, None] < 0.5, one, other)
