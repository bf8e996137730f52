"""What no algorithm escapes: reward, SFT loss and divergence bound each other.

Pure functions of numbers, for any two policies on the same prompts, whichever way they were
trained. J is an expected reward, L an SFT loss in nats per sequence, KL a divergence in nats per
sequence, the mean over prompts; w is the width of the interval that rewards lie in.
"""

from __future__ import annotations

import math


def most_reward_change(kl: float, largest_reward: float) -> float:
    """Return the most that J can differ between two policies, in reward units.

    |J(p2) - J(p1)| <= R_max sqrt(2 KL), with R_max the largest absolute reward and the KL in
    either direction. Source: Proposition 1 of arXiv:2601.07389v1, which states one side; the other
    follows by exchanging the policies, since total variation is symmetric.

    >>> most_reward_change(0.02, 1.0)
    0.2
    """
    return largest_reward * math.sqrt(2 * kl)


def most_reward_change_by_width(kl: float, width: float) -> float:
    """Return the most that J can differ between two policies, in reward units: the sharper form.

    |J(p2) - J(p1)| <= w TV <= w sqrt(KL / 2), never above Proposition 1, because w <= 2 R_max.
    Source: Pinsker's inequality, and Jensen's over prompts.

    >>> most_reward_change_by_width(0.02, 2.0)
    0.2
    """
    return width * math.sqrt(kl / 2)


def least_loss_rise(reward_gap: float, width: float, sub_optimality: float = 0.0) -> float:
    """Return the least that the SFT loss rises from one policy to another, in nats per sequence.

    L(p2) - L(p1) = E KL(p_D || p2) - epsilon >= 2 (J(p2) - J_D)^2 / w^2 - epsilon, with p_D the
    demonstrators' distribution, J_D its reward and epsilon = L(p1) - H(p_D). A value above zero is
    a threshold: where epsilon < 2 (J(p2) - J_D)^2 / w^2 the loss must rise. At p1 = p_D epsilon is
    0, J_D is J(p1), and it reads dL >= 2 dJ^2 / w^2. Source: derived from Pinsker's inequality; it
    is not in arXiv:2601.07389.

    Args:
        reward_gap: J(p2) - J_D, in reward units.
        width: w.
        sub_optimality: epsilon, in nats per sequence.

    >>> least_loss_rise(0.5, 2.0, 0.0625)
    0.0625
    """
    return 2 * (reward_gap / width) ** 2 - sub_optimality
