"""Theorem 3.1: from p_SFT = p_D the closed form of RL costs C1(beta), which is a divergence."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.policies import cross_entropy, kl, variance
from coupling_bench.theory.tilting import c1, tilt

CLOSED_FORM = "p_SFT = p_D; RL reaches Eq. 8"
ROUNDING = 1e-11
"""Rewards are up to 30,000 beta, and exponents of so much are known to 4e-12."""


@theorem(
    "RL from the SFT optimum changes the SFT loss by C1(beta)",
    cites="arXiv:2601.07389v1, Theorem 3.1, Eq. 11",
    assumes=CLOSED_FORM,
)
def test_rl_from_the_sft_optimum_changes_the_loss_by_c1(over, check):
    def slack(w):
        p_d, q = w.demonstrators, w.weights
        after = cross_entropy(p_d, tilt(p_d, w.rewards, w.beta), q)
        return agreement(after, cross_entropy(p_d, p_d, q) + c1(p_d, w.rewards, w.beta, q))

    check(over(slack), tolerance=ROUNDING, unit="nats, relative")


@theorem(
    "C1(beta) = E KL(p_D || p_RL) >= 0, so that Theorem 3.1 is Gibbs' inequality",
    cites="derived from arXiv:2601.07389v1, Theorem 3.1",
    assumes=CLOSED_FORM,
)
def test_c1_is_the_divergence_of_rl_from_the_demonstrators(over, check):
    def slack(w):
        p_d = w.demonstrators
        distance = kl(p_d, tilt(p_d, w.rewards, w.beta), w.weights)
        return agreement(c1(p_d, w.rewards, w.beta, w.weights), distance)

    check(over(slack), tolerance=ROUNDING, unit="nats, relative")


@theorem(
    "C1(beta) = 0 if and only if the reward is constant over each prompt's demonstrations",
    cites="derived: equality in Jensen's inequality, arXiv:2601.07389v1, Eq. 11",
    assumes=CLOSED_FORM,
)
def test_c1_is_zero_where_demonstrations_earn_the_same_and_nowhere_else(over, check):
    def slack(w):
        value = c1(w.demonstrators, w.rewards, w.beta, w.weights)
        spread = variance(w.demonstrators, w.rewards, w.weights) / w.beta**2
        gold = c1(w.gold, w.rewards, w.beta, w.weights)
        # a tilt of 1/beta leaves at least e^{-w/beta} of a variance, and C1 sums them up
        least = spread / 2 * np.exp(-w.width / w.beta)
        return [value - least, -np.abs(gold)]

    check(over(slack), tolerance=ROUNDING, unit="nats/sequence")


@theorem(
    "C1(beta) falls in beta",
    cites="derived from arXiv:2601.07389v1, Eq. 11",
    assumes=CLOSED_FORM,
)
def test_c1_falls_in_beta(over, check):
    def slack(w):
        values = [c1(w.demonstrators, w.rewards, w.beta * f, w.weights) for f in (0.5, 1.0, 1.01)]
        return [values[0] - values[1], values[1] - values[2]]

    check(over(slack), tolerance=ROUNDING, unit="nats/sequence")
