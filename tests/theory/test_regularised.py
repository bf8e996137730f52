"""The regularised objective, against a numerical optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

from coupling_bench.theory import regularised
from coupling_bench.theory.policies import expected, kl
from coupling_bench.theory.tilting import tilt


@pytest.mark.parametrize("beta", [0.3, 2.0])
def test_an_optimiser_finds_the_closed_form_and_its_value(beta):
    draw = np.random.default_rng(0)
    reference, rewards = draw.dirichlet(np.ones(4), 3), draw.normal(size=(3, 4))

    def policy(logits):
        weights = np.exp(logits.reshape(3, 4))
        return weights / weights.sum(axis=1, keepdims=True)

    def cost(logits):
        return -float(regularised.regularised_reward(policy(logits), reference, rewards, beta))

    found = minimize(cost, np.zeros(12), tol=1e-12)
    best = regularised.best_regularised_reward(reference, rewards, beta)
    assert -found.fun == pytest.approx(float(best), abs=1e-8)
    np.testing.assert_allclose(policy(found.x), tilt(reference, rewards, beta), atol=1e-4)


def test_leaving_the_optimum_may_raise_the_raw_reward_and_never_the_regularised_one():
    """A policy further out on the way of the closed form: beta 1, then beta 1/2."""
    reference, rewards = np.array([[0.6, 0.4]]), np.array([[1.0, -1.0]])
    optimum, further = (tilt(reference, rewards, beta) for beta in (1.0, 0.5))
    raw = regularised.reward_change_from_optimum(further, reference, rewards, 1.0)
    assert raw == pytest.approx(expected(further, rewards) - expected(optimum, rewards))
    assert raw > 0
    price = regularised.c2(further, reference, rewards, 1.0)
    assert price == pytest.approx(1.0 * kl(further, optimum)) and price > 0
    kept, lost = (
        regularised.regularised_reward(p, reference, rewards, 1.0) for p in (optimum, further)
    )
    assert kept - lost == pytest.approx(price)
