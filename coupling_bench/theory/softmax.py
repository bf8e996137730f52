"""The Polyak-Lojasiewicz (PL) inequality of the SFT loss in a table of logits.

||grad L||^2 >= 2 mu (L - L*) is what a landscape analysis of SFT assumes. For a softmax over
logits z, mu can be given, and demonstrations with one answer a prompt leave none. Source: derived;
arXiv:2601.07389v2 announces PL results in its abstract, and its text is not at hand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coupling_bench.theory.policies import Array


def loss_gradient(demonstrators: Array, policy: Array, weights: Array | None = None) -> Array:
    """Return the gradient of L by the logits, q(x) (p - p_D), in nats, ``(..., X, Y)``."""
    return _prompt_weights(policy, weights)[..., None] * (policy - demonstrators)


def squared_gradient_norm(
    demonstrators: Array, policy: Array, weights: Array | None = None
) -> Array:
    """Return ||grad_z L||^2, in squared nats, ``(...)``."""
    return (loss_gradient(demonstrators, policy, weights) ** 2).sum(axis=(-2, -1))


def pl_constant(policy: Array, weights: Array | None = None) -> Array:
    """Return a mu with ||grad_z L||^2 >= 2 mu (L - L*), without unit, ``(...)``.

    mu = min_x q(x) p_min(x) / 2, p_min(x) the least probability of an answer: KL(p_D || p) <=
    chi^2 <= ||p_D - p||^2 / p_min in each prompt, whatever p_D is. No larger multiple of p_min
    holds. Source: derived.
    """
    return (_prompt_weights(policy, weights) * policy.min(axis=-1)).min(axis=-1) / 2


def pl_ratio_of_one_hot(loss: npt.ArrayLike) -> Array:
    """Return mu = ||grad_z L||^2 / (2 L) for one prompt, two answers and a one-hot p_D, ``(...)``.

    The demonstrated answer has p = e^{-L}, so ||grad||^2 = 2 (1 - e^{-L})^2 and mu =
    (1 - e^{-L})^2 / L, near L for small losses: it goes to 0 with the loss, and no mu > 0 holds
    down to the optimum. With more answers ||grad||^2 lies between half of that and all of it.
    Source: derived.

    >>> pl_ratio_of_one_hot([0.1, 0.001]).round(6).tolist()
    [0.090559, 0.000999]
    """
    losses = np.asarray(loss, dtype=float)
    return np.expm1(-losses) ** 2 / losses


def _prompt_weights(policy: Array, weights: Array | None) -> Array:
    return np.full(policy.shape[:-1], 1 / policy.shape[-2]) if weights is None else weights
