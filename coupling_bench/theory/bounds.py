"""What no algorithm escapes: reward, SFT loss and divergence bound each other.

Functions of numbers or arrays of them, for any two policies on the same prompts, whichever way they
were trained. J is an expected reward, L an SFT loss in nats per sequence, KL a divergence in nats
per sequence, the mean over prompts; w is the width of the interval that rewards lie in.
"""

from __future__ import annotations

import numpy as np

from coupling_bench.theory.policies import Array


def most_expectation_gap(total_variation: float | Array, largest: float | Array) -> Array:
    """Return the most that |E_p f - E_p' f| can be, in the unit of f: 2 sup|f| TV.

    Source: Eq. 5 of arXiv:2601.07389v1 says sup|f| TV, without the 2, and is false: f = 1 and -1 on
    disjoint supports gives 2 > 1. Its Eq. 16 uses the 2, so that Proposition 1 stands.

    >>> float(most_expectation_gap(1.0, 1.0))
    2.0
    """
    return 2 * np.asarray(largest * total_variation)


def most_total_variation(kl: float | Array) -> Array:
    """Return the most that the total variation can be at a divergence, without unit: sqrt(KL / 2).

    Source: Pinsker's inequality, and Jensen's over prompts.

    >>> float(most_total_variation(0.5))
    0.5
    """
    return np.sqrt(np.asarray(kl) / 2)


def most_reward_change(kl: float | Array, largest_reward: float | Array) -> Array:
    """Return the most that J can differ between two policies, in reward units.

    |J(p2) - J(p1)| <= R_max sqrt(2 KL), with R_max the largest absolute reward and the KL in
    either direction. Source: Proposition 1 of arXiv:2601.07389v1, which states one side; the other
    follows by exchanging the policies, since total variation is symmetric.

    >>> float(most_reward_change(0.02, 1.0))
    0.2
    """
    return most_expectation_gap(most_total_variation(kl), largest_reward)


def most_reward_change_by_width(kl: float | Array, width: float | Array) -> Array:
    """Return the most that J can differ between two policies, in reward units: the sharper form.

    |J(p2) - J(p1)| <= w TV <= w sqrt(KL / 2), never above Proposition 1, because w <= 2 R_max.
    Source: Pinsker's inequality, and Jensen's over prompts.

    >>> float(most_reward_change_by_width(0.02, 2.0))
    0.2
    """
    return width * most_total_variation(kl)


def least_loss_rise(
    reward_gap: float | Array, width: float | Array, sub_optimality: float | Array = 0.0
) -> Array:
    """Return the least that the SFT loss rises from one policy to another, in nats per sequence.

    L(p2) - L(p1) = E KL(p_D || p2) - epsilon >= 2 (J(p2) - J_D)^2 / w^2 - epsilon, with p_D the
    demonstrators' distribution, J_D its reward and epsilon = L(p1) - H(p_D). A value above zero is
    a threshold: where epsilon < 2 (J(p2) - J_D)^2 / w^2 the loss must rise. At p1 = p_D epsilon is
    0, J_D is J(p1), and it reads dL >= 2 dJ^2 / w^2. Source: derived from Pinsker's inequality; it
    is not in arXiv:2601.07389v1.

    Args:
        reward_gap: J(p2) - J_D, in reward units.
        width: w.
        sub_optimality: epsilon, in nats per sequence.

    >>> float(least_loss_rise(0.5, 2.0, 0.0625))
    0.0625
    """
    return np.asarray(2 * (reward_gap / width) ** 2 - sub_optimality)
