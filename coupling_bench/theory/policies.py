"""Expectations, entropies and distances of policies on finite answer sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def mean_over_prompts(values: Array, weights: Array | None = None) -> Array:
    """Return E_q of a value a prompt, ``(..., X)`` to ``(...)``; equal weights unless given."""
    values = np.asarray(values, dtype=float)
    if weights is None:
        return values.mean(axis=-1)
    return expected_by_prompt(np.asarray(weights, dtype=float), values)


def expected_by_prompt(policy: Array, values: Array) -> Array:
    """Return E_p[v | x] of each prompt, in the unit of the values, ``(..., X)``.

    What has no mass adds nothing, however large its value.
    """
    policy, values = np.broadcast_arrays(policy, values)
    products = np.zeros(policy.shape)
    np.multiply(policy, values, out=products, where=policy > 0)
    return products.sum(axis=-1)


def expected(policy: Array, values: Array, weights: Array | None = None) -> Array:
    """Return E_q E_p[v], in the unit of the values, ``(...)``; with v = r it is J(p).

    Source: J(p) of arXiv:2601.07389v1, section 4.
    """
    return mean_over_prompts(expected_by_prompt(policy, values), weights)


def variance(policy: Array, values: Array, weights: Array | None = None) -> Array:
    """Return E_q Var_p(v | x), in squared units of the values, ``(...)``.

    The variance within prompts: what differs between prompts is left out.
    """
    spread = values - expected_by_prompt(policy, values)[..., None]
    return expected(policy, spread**2, weights)


def entropy(policy: Array, weights: Array | None = None) -> Array:
    """Return H(p) = -E_q E_p[log p], in nats per sequence, ``(...)``."""
    return expected(policy, -log(policy), weights)


def cross_entropy(demonstrators: Array, policy: Array, weights: Array | None = None) -> Array:
    """Return the SFT loss L(p) = -E_q E_pD[log p], in nats per sequence, ``(...)``.

    Infinite where the demonstrators give an answer that the policy never gives. Source: L(p) of
    arXiv:2601.07389v1, section 3.
    """
    return expected(demonstrators, -log(policy), weights)


def kl(policy: Array, reference: Array, weights: Array | None = None) -> Array:
    """Return E_q KL(p || p_ref), in nats per sequence, ``(...)``."""
    return mean_over_prompts(kl_by_prompt(policy, reference), weights)


def kl_by_prompt(policy: Array, reference: Array) -> Array:
    """Return KL(p || p_ref) = E_p[log p - log p_ref] of each prompt, in nats, ``(..., X)``.

    Infinite where the policy gives an answer that the reference never gives. Both must sum to one:
    each answer counts p log(p / p_ref) - p + p_ref, which adds nothing in sum and keeps the digits
    of policies that are close, and the number above 0.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        excess = reference / policy - 1
        near = policy * (excess - np.log1p(excess))
        far = policy * (log(policy) - log(reference)) + reference - policy
    terms = np.where(np.abs(excess) < 0.5, near, far)
    return np.where(policy > 0, terms, reference).sum(axis=-1)


def total_variation(first: Array, second: Array, weights: Array | None = None) -> Array:
    """Return E_q TV, the largest difference that an event's probability can have, ``(...)``.

    TV(p, p') = sup_A |p(A) - p'(A)| = 1/2 sum_y |p(y) - p'(y)|, from 0 to 1. The half belongs to
    it: it is what Eq. 5 of arXiv:2601.07389v1 forgets.
    """
    return mean_over_prompts(np.abs(first - second).sum(axis=-1) / 2, weights)


def log(policy: Array) -> Array:
    """Return log p in nats, minus infinity where there is no mass, of the policy's shape."""
    with np.errstate(divide="ignore"):
        return np.log(policy)
