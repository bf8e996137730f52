"""Three cases of the closed form: the loss rises at every beta, falls at every beta, or beta*."""

import itertools

import numpy as np
import pytest

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.policies import expected
from coupling_bench.theory.threshold import (
    effective_beta,
    regime,
    threshold_beta,
    threshold_beta_for_small_gaps,
)
from coupling_bench.theory.tilting import loss_change, tilt

DERIVED = "derived from arXiv:2601.07389v1, Eq. 8: f(lambda) is convex with f(0) = 0"
UNIT = "nats/sequence, relative to 1 + w / beta"
ROUNDING = 2e-12
"""``threshold.SAME`` of w is what J_D may be off, and J_D / beta is part of the loss change."""
FACTORS = np.array([1e-2, 0.3, 0.9, 0.999, 1.001, 1.1, 3.0, 100.0])
"""Multiples of beta* (or of a drawn beta) at which the sign is looked at."""


@pytest.fixture(scope="module")
def cases(worlds):
    """Of 2,500 instances: what the case is, beta* if there is one, and the loss change by beta."""
    found = []
    for w, index in itertools.product(worlds, range(500)):
        one = [array[index] for array in (w.first, w.demonstrators, w.rewards)]
        q = w.weights[index]
        threshold = threshold_beta(*one, q)
        betas = (w.beta[index] if threshold is None else threshold) * FACTORS
        changes = loss_change(*one, betas, q) / (1 + w.width[index] / betas)
        approximate = threshold_beta_for_small_gaps(*one, q)
        found.append((regime(*one, q), threshold, changes, w.width[index], approximate))
    return found


def changes_of(cases, case):
    return np.array([changes for found, _, changes, _, _ in cases if found == case])


@theorem("where J_D <= J_SFT RL raises the SFT loss, or leaves it, at every beta", cites=DERIVED)
def test_rl_raises_the_loss_of_demonstrators_no_better_than_the_policy(cases, check):
    check(changes_of(cases, "raises"), tolerance=ROUNDING, unit=UNIT)


@theorem("where J_D = E r_max RL lowers the SFT loss, or leaves it, at every beta", cites=DERIVED)
def test_rl_lowers_the_loss_of_demonstrators_that_earn_the_most(cases, check):
    check(-changes_of(cases, "lowers"), tolerance=ROUNDING, unit=UNIT)


@theorem(
    "where J_SFT < J_D < E r_max RL raises the SFT loss below one beta* and lowers it above",
    cites=DERIVED,
)
def test_rl_lowers_the_loss_above_one_threshold_beta_and_raises_it_below(cases, check):
    signed = changes_of(cases, "depends") * np.where(FACTORS < 1, 1, -1)
    check(signed, tolerance=ROUNDING, unit=UNIT)


@theorem(
    "beta* = E Var(r) / (2 (J_D - J_SFT)), but for a factor within e^(w / beta*)",
    cites="derived: f = 0, and a tilt of 1/beta scales variances by at most e^(w / beta)",
    assumes="J_SFT < J_D < E r_max; the gap may be 1e-12 w, known to a hundredth",
)
def test_far_above_the_rewards_the_threshold_is_half_the_variance_over_the_gap(cases, check):
    told = [
        width / threshold - abs(np.log(approximate / threshold))
        for _, threshold, _, width, approximate in cases
        if threshold is not None
    ]
    check(told, tolerance=0.01, unit="log ratio")


@theorem(
    "beta* = E Var(r) / (2 (J_D - J_SFT)) for gold demonstrations too",
    cites="the approximation of the threshold without its condition J_D < E r_max",
    false=True,
)
def test_the_approximate_threshold_is_no_threshold_of_gold_demonstrations(check):
    """It gives 0.7, below which the loss should rise; it falls."""
    policy, gold, rewards = np.array([[0.7, 0.3]]), np.array([[1.0, 0.0]]), np.array([[1.0, -1.0]])
    threshold = threshold_beta_for_small_gaps(policy, gold, rewards)
    change = loss_change(policy, gold, rewards, threshold * np.array([0.1, 0.5, 0.9]))
    check(change, tolerance=0.0, unit="nats/sequence")


@theorem(
    "the reward of the closed form tells its beta",
    cites="derived: dJ / d(1/beta) = E Var(r) > 0",
    assumes="E Var(r) > 0 at the optimum, above rounding",
)
def test_the_reward_of_the_closed_form_tells_its_beta(worlds, check):
    slacks = []
    for w, index in itertools.product(worlds, range(300)):
        policy, rewards, q = w.first[index], w.rewards[index], w.weights[index]
        beta, width = w.beta[index], w.width[index]
        reward = float(expected(tilt(policy, rewards, beta), rewards, q))
        found = effective_beta(policy, rewards, reward, q)
        if found is not None:
            again = expected(tilt(policy, rewards, found), rewards, q)
            slacks.append(agreement(again / width, reward / width))
    check(slacks, tolerance=1e-12, unit="w")
