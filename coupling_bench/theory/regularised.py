"""The objective that RL with beta maximises, and what leaving its optimum costs exactly.

Theorem 4.1 of arXiv:2601.07389v1 says that SFT after RL lowers the raw reward J by a C2 > 0. That
does not follow from its assumption; of the regularised objective it does, with C2 = beta a.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coupling_bench.theory.policies import Array, expected, kl, mean_over_prompts
from coupling_bench.theory.tilting import log_partition, tilt


def regularised_reward(
    policy: Array,
    reference: Array,
    rewards: Array,
    beta: npt.ArrayLike,
    weights: Array | None = None,
) -> Array:
    """Return J_beta(p) = J(p) - beta E_q KL(p || p_ref), in reward units, ``(...)``.

    Source: the objective of RL in arXiv:2601.07389v1, section 3.
    """
    price = np.asarray(beta, dtype=float) * kl(policy, reference, weights)
    return expected(policy, rewards, weights) - price


def best_regularised_reward(
    reference: Array, rewards: Array, beta: npt.ArrayLike, weights: Array | None = None
) -> Array:
    """Return the largest J_beta of any policy, beta E_q log Z_beta, in reward units, ``(...)``.

    Source: derived from Eq. 8 of arXiv:2601.07389v1.
    """
    gain = mean_over_prompts(log_partition(reference, rewards, beta), weights)
    return np.asarray(beta, dtype=float) * gain


def reward_change_from_optimum(
    policy: Array,
    reference: Array,
    rewards: Array,
    beta: npt.ArrayLike,
    weights: Array | None = None,
) -> Array:
    """Return J(p) - J(p*) from divergences alone, in reward units, ``(...)``.

    beta [KL(p || p_ref) - KL(p || p*) - KL(p* || p_ref)], means over prompts, p* the optimum: so J
    may rise when the policy leaves p*, by going further from p_ref. For policies that give no
    answer which p_ref never gives. Source: derived; the exact form of what Theorem 4.1 of
    arXiv:2601.07389v1 bounds.
    """
    optimum = tilt(reference, rewards, beta)
    distances = (
        kl(policy, reference, weights)
        - kl(policy, optimum, weights)
        - kl(optimum, reference, weights)
    )
    return np.asarray(beta, dtype=float) * distances


def c2(
    policy: Array,
    reference: Array,
    rewards: Array,
    beta: npt.ArrayLike,
    weights: Array | None = None,
) -> Array:
    """Return J_beta(p*) - J_beta(p) = beta E_q KL(p || p*), in reward units, ``(...)``.

    So Theorem 4.1 of arXiv:2601.07389v1 holds with C2 = beta a for the regularised objective, where
    a is Assumption 3's lower end of E_q KL(p_SFT2 || p_RL1). Source: derived.
    """
    return np.asarray(beta, dtype=float) * kl(policy, tilt(reference, rewards, beta), weights)
