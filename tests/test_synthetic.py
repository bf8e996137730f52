"""Observations that nobody made: written as the probe's are, and measured as they are."""

import numpy as np
import pytest

from coupling_bench import synthetic
from coupling_bench.measures.ability import constant_answer, majority_reward, mcc
from coupling_bench.measures.loss import sft_loss, sft_loss_at_best_temperature
from coupling_bench.measures.reward import expected_reward, mean_at_1
from coupling_bench.runs import Split, observe
from coupling_bench.store import Store
from tests.observations import random_observation, store_runs

HELD_OUT = Split(name="held_out")


def test_a_constant_answer_is_the_same_by_every_measure(tmp_path):
    """Exact, sampled and tempered alike; the runs that it was made from stay as they are."""
    runs = store_runs(Store(tmp_path / "own"), [random_observation(seed) for seed in range(3)])
    before = expected_reward(runs, HELD_OUT)

    def best(seen):
        return synthetic.always(seen, constant_answer(seen))

    constant = synthetic.instead(runs, best, tmp_path / "constant")
    majority = [majority_reward(seen) for seen in observe(runs, HELD_OUT)]
    assert expected_reward(constant, HELD_OUT) == pytest.approx(majority, abs=3e-6)
    for parser in ("strict", "robust"):
        assert mean_at_1(constant, HELD_OUT, parser) == pytest.approx(majority)
    assert (mcc(constant, HELD_OUT) == 0.0).all()
    assert sft_loss(constant, HELD_OUT) == pytest.approx(
        sft_loss_at_best_temperature(constant, HELD_OUT)
    )
    assert (expected_reward(runs, HELD_OUT) == before).all()


def test_what_is_written_is_what_is_read(tmp_path):
    seen = random_observation(7)
    found = observe(store_runs(Store(tmp_path), [seen]), HELD_OUT)[0]
    for name, value in vars(seen).items():
        np.testing.assert_array_equal(getattr(found, name), value)
