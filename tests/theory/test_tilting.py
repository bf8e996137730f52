"""The closed form of RL, against formulas for two answers and against more digits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.theory import tilting
from coupling_bench.theory.policies import cross_entropy

RIGHT = np.array([[1.0, -1.0]])
logs = st.floats(-2, 6)


@given(right=st.floats(0.01, 0.99), log_beta=logs)
def test_two_answers_follow_the_logistic_function(right, log_beta):
    """The log odds of the right answer move by 2 / beta."""
    beta = 10**log_beta
    tilted = tilting.tilt(np.array([[right, 1 - right]]), RIGHT, beta)
    odds = np.log(right) - np.log1p(-right) + 2 / beta
    assert tilted[0, 0] == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-12)
    assert tilted.sum() == pytest.approx(1.0)


@given(right=st.floats(0.01, 0.99), log_beta=logs)
def test_a_right_demonstration_gets_likelier_by_the_known_amount(right, log_beta):
    """log(a + (1 - a) e^{-2 / beta}), with a the mass on right answers before."""
    beta = 10**log_beta
    policy, gold = np.array([[right, 1 - right]]), np.array([[1.0, 0.0]])
    expected = np.log1p((1 - right) * np.expm1(-2 / beta))
    changes = tilting.log_loss_changes(policy, RIGHT, beta)
    assert changes[0, 0] == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert tilting.loss_change(policy, gold, RIGHT, beta) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 10**6), st.floats(-1, 7))
def test_the_change_of_the_loss_keeps_its_digits_however_large_beta_is(seed, log_beta):
    """Against the same formula with 64 bits of mantissa, and against the loss of the tilt."""
    draw, beta = np.random.default_rng(seed), 10**log_beta
    reference, demonstrators = draw.dirichlet(np.ones(4), (2, 3))
    rewards = draw.uniform(-1, 1, (3, 4))
    long = [np.longdouble(a) for a in (reference, demonstrators, rewards, beta)]
    log_z = np.log((long[0] / long[0].sum(1, keepdims=True) * np.exp(long[2] / long[3])).sum(1))
    expected = float(log_z.mean() - (long[1] * long[2]).sum(1).mean() / long[3])
    found = tilting.loss_change(reference, demonstrators, rewards, beta)
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-15 / beta)
    tilted = tilting.tilt(reference, rewards, beta)
    change = cross_entropy(demonstrators, tilted) - cross_entropy(demonstrators, reference)
    assert found == pytest.approx(change, abs=1e-12)


def test_where_the_best_answer_is_all_but_missing_it_still_counts():
    """Its e^{1000} against a mass of e^{-690}: neither overflows nor is lost."""
    reference, rewards = np.array([[1e-300, 1.0]]), np.array([[1000.0, 0.0]])
    assert tilting.log_partition(reference, rewards, 1.0)[0] == pytest.approx(1000 - 690.77552)
    np.testing.assert_allclose(tilting.tilt(reference, rewards, 1.0), [[1.0, 0.0]], atol=1e-100)


def test_what_is_never_given_stays_so_and_an_infinite_beta_changes_nothing():
    reference, rewards = np.array([[0.0, 0.4, 0.6]]), np.array([[9.0, 1.0, -1.0]])
    assert tilting.tilt(reference, rewards, 0.5)[0, 0] == 0.0
    np.testing.assert_allclose(tilting.tilt(reference, rewards, np.inf), reference)
    assert tilting.loss_change(reference, reference, rewards, np.inf) == 0.0


def test_each_instance_has_its_own_beta():
    policies = np.random.default_rng(0).dirichlet(np.ones(3), (4, 2))
    rewards, betas = np.random.default_rng(1).normal(size=(4, 2, 3)), np.array([0.1, 1, 2, 50])
    for found, policy, reward, beta in zip(
        tilting.c1(policies, rewards, betas), policies, rewards, betas, strict=True
    ):
        assert found == pytest.approx(tilting.c1(policy, reward, beta), rel=1e-12)


@pytest.mark.parametrize("beta", [0.0, -1.0, np.array([1.0, 0.0])])
def test_without_a_penalty_there_is_no_closed_form(beta):
    with pytest.raises(ValueError, match="needed a number above 0"):
        tilting.tilt(np.array([[0.5, 0.5]]), RIGHT, beta)
