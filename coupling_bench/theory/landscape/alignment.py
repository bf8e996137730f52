"""R4: what a concentrated spectrum says of the angle between the gradients, and of the damage.

F is a PSD curvature at the SFT checkpoint (Fisher, Gauss-Newton) with eigenvalues
lambda_1 >= lambda_2 >= ..., P_k projects on its k leading eigenvectors, and
rho_v = ||P_k v||^2 / ||v||^2 is how much of a vector lies there; a random one has k/d. For k > 1
concentration alone bounds nothing about the angle inside the leading space.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coupling_bench.theory.landscape.change import Array, Number


def cosine(first: Array, second: Array) -> Array:
    """Return the cosine between vectors ``(..., D)``; without unit, ``(...)``."""
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return (first * second).sum(axis=-1) / norms


def concentration(vector: Array, basis: Array) -> Array:
    """Return rho = ||P v||^2 / ||v||^2 of vectors ``(..., D)``, between 0 and 1, ``(...)``.

    Args:
        vector: what is projected.
        basis: ``(..., K, D)``, orthonormal rows.
    """
    inside = np.einsum("...kd,...d->...k", basis, vector)
    return (inside**2).sum(axis=-1) / (vector**2).sum(axis=-1)


def most_misalignment(first_rho: Number, second_rho: Number) -> Array:
    """Return the most that the cosine differs from its part inside the leading space.

    cos(v, w) = <P v, P w> / (||v|| ||w||) + the same outside, and
    |cos(v, w) - <P v, P w> / (||v|| ||w||)| <= sqrt((1 - rho_v)(1 - rho_w)). The part inside is
    sqrt(rho_v rho_w) cos phi_k. Source: Cauchy-Schwarz; that it is what arXiv:2601.07389v2 calls a
    bound "via spectral concentration" is a guess.

    >>> round(float(most_misalignment(0.9, 0.9)), 12)
    0.1
    """
    outside = (1 - np.asarray(first_rho)) * (1 - np.asarray(second_rho))
    return np.sqrt(np.maximum(outside, 0.0))


def least_cosine(first_rho: Number, second_rho: Number) -> Array:
    """Return the least absolute cosine of two vectors by their parts along *one* direction.

    k = 1: |cos| >= sqrt(rho_v rho_w) - sqrt((1 - rho_v)(1 - rho_w)), so 1 - 2 delta where both lie
    there but for delta. Source: derived.

    >>> round(float(least_cosine(0.9, 0.9)), 12)
    0.8
    """
    return np.sqrt(np.asarray(first_rho) * second_rho) - most_misalignment(first_rho, second_rho)


def least_damage(distance: Number, rho: Number, kth: Number) -> Array:
    """Return the least that Delta' F Delta / 2 is, in nats per sequence: s^2 lambda_k rho / 2."""
    return np.asarray(distance**2 * kth * rho / 2)


def most_damage(distance: Number, rho: Number, first: Number, after_kth: Number) -> Array:
    """Return the most that Delta' F Delta / 2 is, in nats per sequence.

    s^2 [lambda_1 rho + lambda_{k+1} (1 - rho)] / 2: RL that stays off the leading space does little
    damage, whatever its distance. Source: derived.

    >>> float(most_damage(2.0, 0.25, 1.0, 0.0))
    0.5
    """
    return np.asarray(distance**2 * (first * rho + after_kth * (1 - np.asarray(rho))) / 2)


def effective_rank(eigenvalues: npt.ArrayLike) -> float:
    """Return (sum lambda)^2 / sum lambda^2: among how many directions the curvature is shared.

    >>> effective_rank([1.0, 1.0, 1.0, 0.0])
    3.0
    """
    values = np.asarray(eigenvalues, dtype=float)
    return float(values.sum() ** 2 / (values**2).sum())


def noise_corrected_cosine(products: Array) -> float | None:
    """Return the cosine of two expected gradients from two independent draws of the prompts.

    (<L1, J2> + <L2, J1>) / (2 sqrt(<L1, L2> <J1, J2>)): every product is of independent estimates
    and so without bias, where the plain cosine is drawn to 0 by each gradient's noise. It may lie
    outside of [-1, 1]. None where a product of two draws of one gradient is not positive: its noise
    hides it. Source: derived.

    Args:
        products: ``(4, 4)`` between g_L on each draw, then g_J on each draw.
    """
    of_loss, of_reward = float(products[0, 1]), float(products[2, 3])
    if min(of_loss, of_reward) <= 0:
        return None
    return float((products[0, 3] + products[1, 2]) / 2 / np.sqrt(of_loss * of_reward))
