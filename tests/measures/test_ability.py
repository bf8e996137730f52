"""MCC and balanced accuracy against scikit-learn; what a constant predictor gets."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef

from coupling_bench.measures.ability import (
    accuracy,
    balanced_accuracy,
    by_group,
    majority_reward,
    mcc,
    mcc_interval,
)
from coupling_bench.measures.reward import expected_reward
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs

HELD_OUT = Split(name="held_out")


def test_mcc_and_balanced_accuracy_are_scikit_learns(tmp_path):
    seen = [random_observation(seed) for seed in range(8)]
    runs = store_runs(Store(tmp_path), seen)
    guesses = [o.answer_logps[-1].argmax(axis=-1) for o in seen]
    pairs = list(zip(seen, guesses, strict=True))
    assert mcc(runs, HELD_OUT) == pytest.approx([matthews_corrcoef(o.truth, g) for o, g in pairs])
    assert balanced_accuracy(runs, HELD_OUT) == pytest.approx(
        [balanced_accuracy_score(o.truth, g) for o, g in pairs]
    )
    assert accuracy(runs, HELD_OUT) == pytest.approx([(g == o.truth).mean() for o, g in pairs])


def test_a_split_of_one_truth_alone_has_an_accuracy(tmp_path):
    seen = observation(np.log([[[0.9, 0.1], [0.1, 0.9]]]), [0, 0])
    assert balanced_accuracy(store_runs(Store(tmp_path), [seen]), HELD_OUT)[0] == 0.5


def test_a_constant_predictor_has_no_ability_however_high_its_reward(tmp_path):
    """Seven of ten acceptable: reward 0.4, MCC 0 with a point interval, which is not above 0."""
    seen = observation(np.log(np.full((1, 10, 2), [0.98, 0.02])), [0] * 7 + [1] * 3)
    runs = store_runs(Store(tmp_path), [seen] * 3)
    interval = mcc_interval(runs, HELD_OUT)
    assert (interval.low, interval.estimate, interval.high) == (0.0, 0.0, 0.0)
    assert not interval.inside(0.0, None)
    assert majority_reward(seen) == pytest.approx(0.4)


def test_seeds_that_agree_on_few_items_do_not_make_a_narrow_interval(tmp_path):
    """Three identical seeds have no spread; the items' jackknife error, by brute force, remains."""
    seen = random_observation(5, items=25)
    runs = store_runs(Store(tmp_path), [seen] * 3)
    guesses = seen.answer_logps[-1].argmax(axis=-1)
    keep = [np.arange(25) != i for i in range(25)]
    left_out = [matthews_corrcoef(seen.truth[k], guesses[k]) for k in keep]
    error = np.sqrt(24 / 25 * ((left_out - np.mean(left_out)) ** 2).sum())
    interval = mcc_interval(runs, HELD_OUT)
    from scipy import stats

    half = stats.t.ppf(0.975, 24) * error
    assert interval.high - interval.estimate == pytest.approx(half, rel=1e-6)


def test_groups_add_up_to_the_whole(tmp_path):
    seen = random_observation(7, items=30)
    seen.groups[:] = ["a"] * 10 + ["b"] * 20
    runs = store_runs(Store(tmp_path), [seen, random_observation(8, items=30)])
    groups = by_group(runs, HELD_OUT)
    assert {name: g["items"] for name, g in groups.items()} == {"a": 10, "b": 20}
    whole = sum(g["items"] * g["accuracy"] for g in groups.values()) / 30
    assert whole == pytest.approx(accuracy(runs, HELD_OUT).mean())
    p = sum(g["items"] * g["probability"] for g in groups.values()) / 30
    assert 2 * p - 1 == pytest.approx(expected_reward(runs, HELD_OUT).mean())
