"""Rewards, exact and sampled, against enumeration and simulation."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures.reward import (
    expected_reward,
    last_quarter_drift,
    mean_at_1,
    other_mass,
    reward_curve,
    reward_of_frequencies,
)
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs

HELD_OUT = Split(name="held_out")


def test_the_exact_reward_is_what_sampling_converges_to():
    """Half a million draws, other mass included, give J to three standard errors."""
    seen = random_observation(3)
    generator = np.random.default_rng(0)
    p = np.exp(seen.answer_logps[-1])
    p = np.concatenate([p, 1 - p.sum(axis=1, keepdims=True)], axis=1)
    draws = 20_000
    rewards = [
        np.where(generator.choice(3, size=draws, p=row) == truth, 1.0, -1.0)
        for row, truth in zip(p, seen.truth, strict=True)
    ]
    sampled, error = np.mean(rewards), np.std(rewards) / np.sqrt(draws * len(p))
    assert reward_curve(seen)[-1] == pytest.approx(sampled, abs=3 * error)


@pytest.mark.parametrize(("right", "expected"), [(1.0, 1.0), (0.5, 0.0), (0.0, -1.0)])
def test_always_right_is_one_a_coin_is_zero_and_anything_else_is_minus_one(
    tmp_path, right, expected
):
    with np.errstate(divide="ignore"):
        seen = observation(np.log([[[right, 0.0], [0.0, right]]]), [0, 1])
    runs = store_runs(Store(tmp_path), [seen])
    assert expected_reward(runs, HELD_OUT)[0] == expected
    assert other_mass(runs, HELD_OUT)[0] == 1.0 - right


def test_strict_and_robust_parsing_differ_on_the_format_alone(tmp_path):
    completions = [["acceptable", "It is unacceptable.", "acceptable", "maybe"]]
    seen = observation(
        np.zeros((1, 4, 2)),
        [0, 1, 1, 0],
        completions=completions,
        completion_rewards=np.array([[1.0, -1.0, -1.0, -1.0]]),
    )
    runs = store_runs(Store(tmp_path), [seen])
    assert mean_at_1(runs, HELD_OUT, "strict")[0] == (1 - 1 - 1 - 1) / 4
    assert mean_at_1(runs, HELD_OUT, "robust")[0] == (1 + 1 - 1 - 1) / 4


def test_drift_is_the_change_over_the_last_quarter_of_the_steps(tmp_path):
    """J climbs by 0.4 over the whole run at a constant rate: by 0.1 over its last quarter."""
    rewards = np.linspace(0.2, 0.6, 41)
    right = (rewards + 1) / 2
    p = np.stack([right, 1 - right], axis=1)[:, None, :]
    runs = store_runs(Store(tmp_path), [observation(np.log(p), [0])])
    drift = last_quarter_drift(runs, HELD_OUT)[0]
    assert drift.estimate == pytest.approx(0.1)
    assert drift.low == pytest.approx(drift.high) == pytest.approx(0.1)


def test_what_frequencies_earn_is_what_the_policies_of_other_prompts_earn(tmp_path):
    """The mean of J over all ways to deal the same policies around the prompts, one's own too."""
    seen = random_observation(4, items=12)
    dealt = [
        reward_curve(replace(seen, answer_logps=np.roll(seen.answer_logps, places, axis=1)))[-1]
        for places in range(12)
    ]
    found = reward_of_frequencies(store_runs(Store(tmp_path), [seen]), HELD_OUT)
    assert found[0] == pytest.approx(np.mean(dealt))
