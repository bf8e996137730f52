"""The closed form that the paper takes RL to reach, and what it does to the SFT loss.

RL that maximises E r - beta KL(p || p_ref) has the optimum p*(y|x) = p_ref(y|x) e^{r(x,y)/beta} /
Z_beta(x). Without beta (0, the default of many recipes) there is no such optimum.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coupling_bench.theory.policies import (
    Array,
    expected,
    expected_by_prompt,
    log,
    mean_over_prompts,
)


def log_partition(reference: Array, rewards: Array, beta: npt.ArrayLike) -> Array:
    """Return log Z_beta(x) = log E_ref[e^{r/beta}] of each prompt, in nats, ``(..., X)``.

    Source: arXiv:2601.07389v1, Eq. 8.

    Args:
        reference: policy that the optimum stays near, ``(..., X, Y)``.
        rewards: ``(..., X, Y)``.
        beta: above 0, in reward units a nat, one an instance or one for all; infinity is allowed.
    """
    scaled = rewards / _a_beta_an_instance(beta)
    most = np.where(reference > 0, scaled, -np.inf).max(axis=-1)
    # Where all rewards are within reach of the largest, log E = log(1 + E[e^.. - 1]) keeps the
    # digits that differences of the loss are made of when beta is large.
    excess = expected_by_prompt(reference, np.expm1(np.minimum(scaled - most[..., None], 0.0)))
    near = most + np.log1p(np.maximum(excess, -0.5))
    return np.where(excess > -0.5, near, _log_sum(log(reference) + scaled))


def tilt(reference: Array, rewards: Array, beta: npt.ArrayLike) -> Array:
    """Return the optimum p*(y|x) = p_ref(y|x) e^{r(x,y)/beta} / Z_beta(x), ``(..., X, Y)``.

    Source: arXiv:2601.07389v1, Eq. 8. Arguments as of ``log_partition``.
    """
    exponents = log(reference) + rewards / _a_beta_an_instance(beta)
    weights = np.exp(exponents - exponents.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_loss_changes(reference: Array, rewards: Array, beta: npt.ArrayLike) -> Array:
    """Return the change of -log p(y|x) from p_ref to the optimum, in nats, ``(..., X, Y)``.

    log Z_beta(x) - r(x,y)/beta, for every answer and every p_ref: at most 0 for an answer with the
    largest reward, at least 0 for one with the least. Source: derived from Eq. 8 of
    arXiv:2601.07389v1; it is not in the paper.
    """
    scaled = rewards / _a_beta_an_instance(beta)
    return log_partition(reference, rewards, beta)[..., None] - scaled


def loss_change(
    reference: Array,
    demonstrators: Array,
    rewards: Array,
    beta: npt.ArrayLike,
    weights: Array | None = None,
) -> Array:
    """Return L(p*) - L(p_ref) = E_q log Z_beta - J_D / beta, in nats per sequence, ``(...)``.

    For any p_ref, matched to the demonstrators or not. Source: derived from Eq. 8 of
    arXiv:2601.07389v1; at p_ref = p_D it is Eq. 11.
    """
    # what is added to all rewards of a prompt changes nothing: counted from the largest, they keep
    # the digits of small differences
    lost = rewards - rewards.max(axis=-1, keepdims=True)
    gain = mean_over_prompts(log_partition(reference, lost, beta), weights)
    return gain - expected(demonstrators, lost, weights) / np.asarray(beta, dtype=float)


def c1(
    demonstrators: Array, rewards: Array, beta: npt.ArrayLike, weights: Array | None = None
) -> Array:
    """Return C1(beta) = E_q[log Z_beta - E_pD[r] / beta] >= 0, in nats per sequence, ``(...)``.

    What RL adds to the SFT loss when it starts from p_SFT = p_D and reaches its closed form; it
    equals E_q KL(p_D || p_RL). Source: arXiv:2601.07389v1, Theorem 3.1 and Eq. 11; the divergence
    is derived.
    """
    return loss_change(demonstrators, demonstrators, rewards, beta, weights)


def _log_sum(exponents: Array) -> Array:
    """Return log sum_y e^{..}, without overflow."""
    largest = exponents.max(axis=-1)
    return largest + np.log(np.exp(exponents - largest[..., None]).sum(axis=-1))


def _a_beta_an_instance(beta: npt.ArrayLike) -> Array:
    """Return ``beta (...)`` as ``(..., 1, 1)``."""
    betas = np.asarray(beta, dtype=float)
    if not (betas > 0).all():
        raise ValueError(f"tilting: beta is {betas.min()}, needed a number above 0.")
    return betas[..., None, None]
