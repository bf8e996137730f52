"""beta* and beta_eff, against closed forms for two answers and against the sign of the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.theory import threshold
from coupling_bench.theory.policies import cross_entropy
from coupling_bench.theory.tilting import tilt

RIGHT = np.array([[1.0, -1.0]])
COIN = np.array([[0.5, 0.5]])


def two(right):
    return np.array([[right, 1 - right]])


@given(policy=st.floats(0.05, 0.9), share=st.floats(0.01, 0.99))
def test_the_loss_falls_just_above_the_threshold_and_rises_just_below(policy, share):
    """By the loss itself; demonstrators are between the policy and certainty."""
    reference, shown = two(policy), two(policy + share * (1 - policy))
    beta = threshold.threshold_beta(reference, shown, RIGHT)
    before = cross_entropy(shown, reference)
    assert cross_entropy(shown, tilt(reference, RIGHT, beta * 1.01)) < before
    assert cross_entropy(shown, tilt(reference, RIGHT, beta * 0.99)) > before
    assert cross_entropy(shown, tilt(reference, RIGHT, beta)) == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize(
    ("shown", "case"), [(0.3, "raises"), (0.5, "raises"), (0.7, "depends"), (1.0, "lowers")]
)
def test_there_are_three_cases_and_one_has_a_threshold(shown, case):
    assert threshold.regime(COIN, two(shown), RIGHT) == case
    assert (threshold.threshold_beta(COIN, two(shown), RIGHT) is not None) == (case == "depends")


def test_what_the_policy_never_gives_is_not_the_most_it_earns():
    """Gold demonstrators give the best of what the policy gives, not the best there is."""
    reference, rewards = np.array([[0.0, 0.5, 0.5]]), np.array([[9.0, 1.0, -1.0]])
    assert threshold.regime(reference, np.array([[0.0, 1.0, 0.0]]), rewards) == "lowers"


def test_prompts_count_by_their_weights():
    """Two prompts of which one alone has better demonstrators."""
    reference, shown = np.repeat(COIN[None], 2, 1)[0], np.array([[0.9, 0.1], [0.2, 0.8]])
    rewards = np.repeat(RIGHT, 2, 0)
    assert threshold.regime(reference, shown, rewards, np.array([0.1, 0.9])) == "raises"
    assert threshold.regime(reference, shown, rewards, np.array([0.9, 0.1])) == "depends"


@given(gap=st.floats(1e-6, 1e-3))
def test_a_small_gap_has_the_threshold_of_the_second_order(gap):
    found = threshold.threshold_beta(COIN, two(0.5 + gap), RIGHT)
    near = threshold.threshold_beta_for_small_gaps(COIN, two(0.5 + gap), RIGHT)
    assert near == pytest.approx(1 / (4 * gap), rel=1e-9)
    assert found == pytest.approx(near, rel=1e-5)
    assert threshold.threshold_beta_for_small_gaps(COIN, COIN, RIGHT) is None


@given(st.floats(1e-6, 1 - 1e-6))
def test_the_effective_beta_of_a_coin_is_the_inverse_hyperbolic_tangent(reward):
    found = threshold.effective_beta(COIN, RIGHT, reward)
    assert found == pytest.approx(1 / np.arctanh(reward), rel=1e-8)


@pytest.mark.parametrize("reward", [-0.2, 0.0, 1.0, 1.5])
def test_no_beta_gives_less_than_the_start_or_as_much_as_the_most(reward):
    assert threshold.effective_beta(COIN, RIGHT, reward) is None


def test_equal_rewards_have_neither_beta():
    same = np.ones((1, 2))
    assert threshold.effective_beta(COIN, same, 1.0) is None
    assert threshold.threshold_beta(COIN, two(0.7), same) is None


def test_rounding_makes_no_threshold_where_all_answers_earn_the_same():
    """Means of equal rewards differ in their last digits, and the rewards' width is 0."""
    draw = np.random.default_rng(0)
    for reward in (0.3, -1.0, 30.0):
        rewards = np.full((2, 3), reward)
        for _ in range(100):
            reference, shown, q = (draw.dirichlet(np.ones(n), 2) for n in (3, 3, 2))
            assert threshold.regime(reference, shown, rewards, q[0]) == "raises"
            assert threshold.threshold_beta(reference, shown, rewards, q[0]) is None
            earned = float(threshold.expected(shown, rewards, q[0]))
            assert threshold.effective_beta(reference, rewards, earned, q[0]) is None
