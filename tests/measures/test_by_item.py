"""Item by item: the means are the measures, and the jackknife is scikit-learn's left one out."""

import math

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from coupling_bench.measures import ability, by_item, loss, reward
from coupling_bench.statistics import student_interval
from tests.observations import observation, random_observation


def test_the_mean_over_items_is_the_measure():
    seen = random_observation(3)
    assert by_item.sft_losses(seen).mean() == pytest.approx(loss.loss_curve(seen)[-1])
    assert by_item.expected_rewards(seen).mean() == pytest.approx(reward.reward_curve(seen)[-1])
    for parser in ("robust", "strict"):
        found = by_item.means_at_1(seen, parser).mean()
        assert found == pytest.approx(reward.mean_at_1_curve(seen, parser)[-1])


def test_an_item_has_its_own_value_whatever_the_others_are():
    """By hand: -(0.9 log p(truth) + 0.1 log p(other)), and sum p r - (1 - sum p)."""
    p = np.array([[0.7, 0.2], [0.1, 0.6]])
    seen = observation(np.log([np.full((2, 2), 0.5), p]), [0, 1])
    losses = [
        -0.9 * math.log(0.7) - 0.1 * math.log(0.2),
        -0.9 * math.log(0.6) - 0.1 * math.log(0.1),
    ]
    assert by_item.sft_losses(seen) == pytest.approx(losses)
    assert by_item.expected_rewards(seen) == pytest.approx([0.7 - 0.2 - 0.1, 0.6 - 0.1 - 0.3])


def test_sampled_rewards_of_open_answers_are_averaged_within_an_item():
    drawn = np.array([[[1.0, -1.0], [1.0, 1.0]]])
    seen = observation(np.log([[[0.5, 0.1]] * 2]), [0, 0], answers=None, sampled_rewards=drawn)
    assert by_item.expected_rewards(seen).tolist() == [0.0, 1.0]


def test_the_jackknife_of_the_mcc_leaves_out_each_item_in_turn():
    seen = random_observation(5, items=25)
    guesses = seen.answer_logps[-1].argmax(axis=1)
    left_out = np.array(
        [
            matthews_corrcoef(np.delete(seen.truth, i), np.delete(guesses, i))
            for i in range(len(guesses))
        ]
    )
    items, whole = 25, matthews_corrcoef(seen.truth, guesses)
    found = ability.mcc_pseudovalues(seen)
    assert found == pytest.approx(items * whole - (items - 1) * left_out)
    error = math.sqrt((items - 1) / items * ((left_out - left_out.mean()) ** 2).sum())
    interval = student_interval(found)
    assert interval.high - interval.estimate == pytest.approx(2.0639 * error, rel=1e-4)  # t, 24
