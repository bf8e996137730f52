"""The SFT loss against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coupling_bench.measures.loss import (
    cross_entropy,
    optimal_loss,
    sft_loss,
    sft_loss_at_best_temperature,
    sft_loss_per_token,
    sub_optimality,
)
from coupling_bench.runs import Split
from coupling_bench.scales import task
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs

HELD_OUT = Split(name="held_out")


def test_the_loss_is_the_entropy_of_the_demonstrators_plus_their_divergence_from_the_policy():
    """L = H(p_D) + KL(p_D || pi), where pi keeps some mass for other answers."""
    seen = random_observation(0)
    p_d, pi = seen.demonstrated, np.exp(seen.answer_logps[-1])
    expected = stats.entropy(p_d, axis=1) + (p_d * np.log(p_d / pi)).sum(axis=1)
    assert cross_entropy(seen.answer_logps[-1], p_d) == pytest.approx(expected.mean())


def test_demonstrators_themselves_reach_the_optimal_loss_and_nobody_goes_below(tmp_path):
    """A policy equal to p_D has epsilon 0; random policies have more."""
    spec = task("grammar", "smoke")
    perfect = observation(np.log([[[0.9, 0.1], [0.1, 0.9]]]), [0, 1])
    runs = store_runs(Store(tmp_path), [perfect, random_observation(1), random_observation(2)])
    epsilon = sub_optimality(runs, HELD_OUT)
    assert epsilon[0] == pytest.approx(0.0, abs=1e-12)
    assert all(epsilon[1:] > 0)
    assert optimal_loss(spec) == pytest.approx(stats.entropy([0.1, 0.9]))
    assert optimal_loss(replace(spec, label_noise=0.0)) == 0.0


def test_the_loss_per_token_weighs_tokens_and_not_sequences(tmp_path):
    """Answers of 2 and 3 tokens, demonstrated 9 to 1 and 1 to 9: 2.1 and 2.9 tokens a sequence."""
    seen = observation(np.log([[[0.5, 0.5], [0.5, 0.5]]]), [0, 1])
    runs = store_runs(Store(tmp_path), [seen])
    assert sft_loss(runs, HELD_OUT)[0] == pytest.approx(math.log(2))
    assert sft_loss_per_token(runs, HELD_OUT)[0] == pytest.approx(2 * math.log(2) / (2.1 + 2.9))


def test_a_fitted_temperature_undoes_sharpening_and_nothing_else(tmp_path):
    """A policy that is p_D squared and normalised is p_D again at temperature 2."""
    p_d = np.array([[0.9, 0.1], [0.1, 0.9]])
    sharp = p_d**2 / (p_d**2).sum(axis=1, keepdims=True)
    seen = observation(
        np.log(sharp)[None],
        [0, 1],
        temperatures=np.array([1.0, 2.0]),
        tempered_answer_logps=np.log(np.stack([sharp, p_d])),
    )
    runs = store_runs(Store(tmp_path), [seen])
    optimum = stats.entropy([0.1, 0.9])
    assert sft_loss(runs, HELD_OUT)[0] > optimum + 0.05
    assert sft_loss_at_best_temperature(runs, HELD_OUT)[0] == pytest.approx(optimum)


def test_shapes_that_do_not_agree_are_named():
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(4, 2\)"):
        cross_entropy(np.zeros((3, 2)), np.zeros((4, 2)))
