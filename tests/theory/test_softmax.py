"""The PL constant of a softmax, against its gradient in torch and for many answers."""

import numpy as np
import pytest
import torch

from coupling_bench.theory import softmax


def test_the_gradient_is_torchs():
    draw = np.random.default_rng(0)
    shown, weights = draw.dirichlet(np.ones(4), 3), draw.dirichlet(np.ones(3))
    logits = torch.tensor(draw.normal(size=(3, 4)), requires_grad=True)
    losses = -(torch.tensor(shown) * logits.log_softmax(1)).sum(1)
    (losses * torch.tensor(weights)).sum().backward()
    policy = logits.detach().softmax(1).numpy()
    np.testing.assert_allclose(softmax.loss_gradient(shown, policy, weights), logits.grad)
    norm = float((logits.grad**2).sum())
    assert softmax.squared_gradient_norm(shown, policy, weights) == pytest.approx(norm)


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
