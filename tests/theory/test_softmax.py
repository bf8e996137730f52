"""The gradient of a softmax against differences, and its PL constant for many answers."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import log_softmax

from coupling_bench.theory import softmax


def test_the_gradient_is_that_of_the_loss_by_each_logit():
    draw = np.random.default_rng(0)
    shown, weights = draw.dirichlet(np.ones(4), 3), draw.dirichlet(np.ones(3))
    logits = draw.normal(size=12)

    def loss(z):
        log_p = log_softmax(z.reshape(3, 4), axis=1)
        return -float((shown * log_p).sum(axis=1) @ weights)

    policy = np.exp(log_softmax(logits.reshape(3, 4), axis=1))
    found = softmax.loss_gradient(shown, policy, weights)
    np.testing.assert_allclose(found.ravel(), approx_fprime(logits, loss), atol=1e-6)
    norm = softmax.squared_gradient_norm(shown, policy, weights)
    assert norm == pytest.approx((found**2).sum())


def test_the_constant_is_half_the_least_probability_of_a_prompt_and_answer():
    policy = np.array([[0.5, 0.5], [0.8, 0.2]])
    assert softmax.pl_constant(policy) == pytest.approx(0.05)
    assert softmax.pl_constant(policy, np.array([0.1, 0.9])) == pytest.approx(0.025)


@pytest.mark.parametrize("answers", [2, 3, 20])
def test_one_hot_demonstrations_of_many_answers_have_between_half_of_the_ratio_and_all(answers):
    loss, gold = 0.01, np.eye(answers)[:1]
    for spread in (np.ones(answers - 1), np.eye(answers - 1)[0]):
        rest = -np.expm1(-loss) * spread / spread.sum()
        policy = np.concatenate([[np.exp(-loss)], rest])[None]
        ratio = softmax.squared_gradient_norm(gold, policy) / (2 * loss)
        bound = softmax.pl_ratio_of_one_hot(loss)
        assert bound / 2 <= ratio <= bound * (1 + 1e-12)
