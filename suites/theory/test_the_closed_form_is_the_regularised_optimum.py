"""Eq. 8 is the optimum, and what leaving it costs: exactly beta E KL(p || p*), regularised."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theory.policies import expected
from coupling_bench.theory.regularised import (
    best_regularised_reward,
    c2,
    regularised_reward,
    reward_change_from_optimum,
)
from coupling_bench.theory.tilting import tilt

ROUNDING = 1e-11


def size(w):
    """What rounding is relative to: rewards, and beta times divergences of up to some 500 nats."""
    return np.abs(w.rewards).max(axis=(1, 2)) + w.beta


def regret(w):
    best = best_regularised_reward(w.first, w.rewards, w.beta, w.weights)
    return best - regularised_reward(w.second, w.first, w.rewards, w.beta, w.weights)


@theorem(
    "p_RL of Eq. 8 earns beta E log Z, the largest J - beta KL of any policy",
    cites="arXiv:2601.07389v1, Eq. 8",
)
def test_no_policy_has_a_larger_regularised_reward_than_the_closed_form(over, check):
    def slack(w):
        tilted = tilt(w.first, w.rewards, w.beta)
        best = best_regularised_reward(w.first, w.rewards, w.beta, w.weights)
        reached = regularised_reward(tilted, w.first, w.rewards, w.beta, w.weights)
        return [-np.abs(reached - best) / size(w), regret(w) / size(w)]

    check(over(slack), tolerance=ROUNDING, unit="rewards and beta")


@theorem(
    "leaving p_RL of Eq. 8 for p costs exactly beta E KL(p || p_RL) of the regularised reward, so "
    "that Theorem 4.1 holds of it with C2 = beta a",
    cites="derived; what arXiv:2601.07389v1, Theorem 4.1 needs to hold",
    assumes="RL reaches Eq. 8",
)
def test_leaving_the_closed_form_costs_beta_times_the_divergence(over, check):
    def slack(w):
        price = c2(w.second, w.first, w.rewards, w.beta, w.weights)
        return -np.abs(regret(w) - price) / size(w)

    check(over(slack), tolerance=ROUNDING, unit="rewards and beta")


@theorem(
    "J(p) - J(p*) = beta [KL(p || p_ref) - KL(p || p*) - KL(p* || p_ref)]",
    cites="derived; exact where arXiv:2601.07389v1, Theorem 4.1 claims a sign",
    assumes="RL reaches Eq. 8",
)
def test_the_raw_reward_changes_by_three_divergences(over, check):
    def slack(w):
        told = reward_change_from_optimum(w.second, w.first, w.rewards, w.beta, w.weights)
        tilted = tilt(w.first, w.rewards, w.beta)
        change = expected(w.second, w.rewards, w.weights) - expected(tilted, w.rewards, w.weights)
        return -np.abs(told - change) / size(w)

    check(over(slack), tolerance=ROUNDING, unit="rewards and beta")
