"""Proposition 1, two-sided and in both directions of the divergence, and its sharper form."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theory.bounds import most_reward_change, most_reward_change_by_width
from coupling_bench.theory.policies import expected, kl

ROUNDING = 1e-12


def reward_change(w):
    return expected(w.second, w.rewards, w.weights) - expected(w.first, w.rewards, w.weights)


def both_divergences(w):
    return [kl(w.first, w.second, w.weights), kl(w.second, w.first, w.weights)]


@theorem(
    "|J(p2) - J(p1)| <= R_max sqrt(2 E KL), in either direction of the divergence",
    cites="arXiv:2601.07389v1, Proposition 1, two-sided by symmetry",
)
def test_the_reward_changes_by_at_most_proposition_1(over, check):
    def slack(w):
        largest = np.abs(w.rewards).max(axis=(1, 2))
        bounds = [most_reward_change(d, largest) for d in both_divergences(w)]
        return [(bound - np.abs(reward_change(w))) / np.maximum(largest, 1) for bound in bounds]

    check(over(slack), tolerance=ROUNDING, unit="R_max")


@theorem(
    "|J(p2) - J(p1)| <= w sqrt(E KL / 2), never above Proposition 1, since w <= 2 R_max",
    cites="Pinsker's inequality; sharper than arXiv:2601.07389v1, Proposition 1",
)
def test_the_reward_changes_by_at_most_the_width_form(over, check):
    def slack(w):
        change, size = np.abs(reward_change(w)), np.maximum(w.width, 1)
        bounds = [most_reward_change_by_width(d, w.width) for d in both_divergences(w)]
        return [(bound - change) / size for bound in bounds]

    check(over(slack), tolerance=ROUNDING, unit="w")


@theorem(
    "|J(p2) - J(p1)| <= c R_max sqrt(2 E KL) with c = 0.9999",
    cites="arXiv:2601.07389v1, Proposition 1 with a smaller constant",
    false=True,
)
def test_the_constant_of_proposition_1_cannot_be_smaller(check):
    """A fair coin pushed by 1e-4, rewards 1 and -1: here w = 2 R_max, and both forms are one."""
    coin, pushed = np.array([[0.5, 0.5]]), np.array([[0.5001, 0.4999]])
    rewards = np.array([[1.0, -1.0]])
    change = expected(pushed, rewards) - expected(coin, rewards)
    check(0.9999 * most_reward_change(kl(pushed, coin), 1.0) - change, tolerance=0.0, unit="R_max")
