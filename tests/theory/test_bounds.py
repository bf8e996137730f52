"""The bounds on random finite policies: never broken, and as sharp as the theorems say."""

import numpy as np
import pytest
from scipy.stats import entropy

from coupling_bench.theory.bounds import (
    least_loss_rise,
    most_reward_change,
    most_reward_change_by_width,
)

PROMPTS, ANSWERS = 3, 4


def world(seed):
    """Two policies, demonstrators and rewards on some prompts; near each other or far apart."""
    draw = np.random.default_rng(seed)
    mixed, far = (draw.dirichlet([0.7] * ANSWERS, PROMPTS) for _ in range(2))
    shares = draw.choice([0.0, 0.01, 0.1, 0.5, 1.0], size=2)
    first, second = (
        (1 - share) * mixed + share * draw.dirichlet([0.7] * ANSWERS, PROMPTS) for share in shares
    )
    rewards = draw.uniform(-1, 1, (PROMPTS, ANSWERS)) * draw.choice([0.5, 1.0, 3.0])
    demonstrators = first if draw.random() < 0.3 else 0.9 * first + 0.1 * far
    return first, second, demonstrators, rewards


def mean(p, values):
    return float((p * values).sum(axis=1).mean())


def kl(p, q):
    return float(entropy(p, q, axis=1).mean())


def loss(demonstrators, policy):
    return mean(demonstrators, -np.log(policy))


@pytest.mark.parametrize("start", range(0, 2000, 500))
def test_no_two_policies_break_a_bound(start):
    rises = 0
    for seed in range(start, start + 500):
        first, second, demonstrators, rewards = world(seed)
        change = mean(second, rewards) - mean(first, rewards)
        width = float(np.ptp(rewards))
        for divergence in (kl(first, second), kl(second, first)):
            sharp = most_reward_change_by_width(divergence, width)
            assert abs(change) <= sharp + 1e-12
            assert sharp <= most_reward_change(divergence, float(np.abs(rewards).max())) + 1e-12
        rise = loss(demonstrators, second) - loss(demonstrators, first)
        epsilon = loss(demonstrators, first) - loss(demonstrators, demonstrators)
        gap = mean(second, rewards) - mean(demonstrators, rewards)
        least = least_loss_rise(gap, width, epsilon)
        assert rise >= least - 1e-12
        rises += least > 0
        optimal = loss(first, second) - loss(first, first)
        assert optimal >= least_loss_rise(change, width) - 1e-12
    assert rises > 50  # the threshold is met often enough to mean something


def test_the_bounds_are_met_to_first_order_by_a_small_push_of_a_coin():
    """A fair coin pushed by 1e-4 with rewards +1 and -1: no constant could be smaller."""
    first, second = np.array([[0.5, 0.5]]), np.array([[0.5001, 0.4999]])
    rewards = np.array([[1.0, -1.0]])
    change = mean(second, rewards) - mean(first, rewards)
    assert most_reward_change(kl(second, first), 1.0) == pytest.approx(change, rel=1e-6)
    assert most_reward_change_by_width(kl(second, first), 2.0) == pytest.approx(change, rel=1e-6)
    rise = loss(first, second) - loss(first, first)
    assert least_loss_rise(change, 2.0) == pytest.approx(rise, rel=1e-6)
