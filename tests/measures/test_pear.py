"""Scores and ranks before and after RL: on observations made by hand, and on known ranks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.measures import pear
from coupling_bench.measures.reward import expected_reward
from coupling_bench.runs import Runs, Split
from coupling_bench.store import Store
from tests.observations import random_observation, store_runs
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
SCORES = st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=6)
"""Of some variants, by seed."""


def test_scores_are_those_of_the_first_and_the_last_snapshot_on_the_items_asked_for(tmp_path):
    seen = [random_observation(seed) for seed in range(3)]
    rl = store_runs(Store(tmp_path), seen)
    before, after = pear.scores(rl, HELD_OUT)
    assert after == pytest.approx((1 + expected_reward(rl, HELD_OUT)) / 2)
    start = [replace(one, answer_logps=one.answer_logps[:1]) for one in seen]
    first = store_runs(Store(tmp_path / "first"), start)
    assert before == pytest.approx((1 + expected_reward(first, HELD_OUT)) / 2)
    halves = [pear.scores(rl, HELD_OUT, slice(place, None, 2))[1] for place in (0, 1)]
    assert np.mean(halves, axis=0) == pytest.approx(after)
    rows = pear.score_rows(rl, HELD_OUT)
    assert [(row["seed"], row["after_rl"]) for row in rows] == list(enumerate(after))
    assert pear.reliability([rl, rl], HELD_OUT).tolist() == [0.0] * 3  # a tie ranks nothing


def test_sampled_rewards_are_counted_where_answers_are_open(tmp_path):
    """Two of four completions of each item earn the reward at the start, and all at the end."""
    sampled = np.stack([np.tile([1.0, -1.0, 1.0, -1.0], (30, 1)), np.ones((30, 4))])
    seen = replace(random_observation(0, snapshots=2), answers=None, sampled_rewards=sampled)
    before, after = pear.scores(store_runs(Store(tmp_path), [seen]), HELD_OUT)
    assert (before.tolist(), after.tolist()) == ([0.5], [1.0])


def test_tau_is_the_share_of_pairs_in_the_same_order_less_that_in_the_other():
    before = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [1, 1, 1, 1]]).T
    after = np.array([[5, 6, 7, 8], [8, 7, 5, 6], [1, 2, 3, 4]]).T
    assert pear.rank_correlation(before, after) == pytest.approx([1.0, (1 - 5) / 6, 0.0])


@given(SCORES)
def test_scores_that_keep_their_order_have_no_inversion(scores):
    assert (pear.inversion(scores, scores) <= 0).all()


@given(SCORES, SCORES)
def test_a_seeds_own_scores_do_not_choose_its_pair(first, second):
    """One seed made otherwise changes the pairs of others, and of its own the depth alone."""
    count = min(len(first), len(second))
    before, after = np.array(first[:count]), np.array(second[:count])
    leads = {
        (a, b): np.minimum(before[a] - before[b], after[b] - after[a])
        for a in range(count) for b in range(count) if a != b
    }  # fmt: skip
    for seed, found in enumerate(pear.inversion(before, after)):
        others = [lead.sum() - lead[seed] for lead in leads.values()]
        best = np.isclose(others, max(others), rtol=0, atol=1e-12)
        chosen = [
            lead[seed] for lead, best_one in zip(leads.values(), best, strict=True) if best_one
        ]
        assert found in chosen


def test_one_seed_has_no_other_to_choose_a_pair_on():
    with pytest.raises(ValueError, match="needed another"):
        pear.inversion([[0.5], [0.6]], [[0.7], [0.8]])


def test_weights_are_averaged_over_the_steps_of_the_log(tmp_path):
    """The trainer's last line has no weights."""
    store, stage = Store(tmp_path), recipe().sft
    steps = [{"step": n, "weight_mean": 0.9 + n / 10, "log_weight_spread": n} for n in (0, 1)]

    def write(folder):
        (folder / "log.json").write_text(json.dumps([*steps, {"step": 1, "train_loss": 3.0}]))
        return {}

    store.get_or_make(stage, write)
    runs = Runs(node="pear_sft", seeds=(0,), stages=(stage,), store=store)
    assert pear.mean_weight(runs) == pytest.approx([0.95])
    assert pear.log_weight_spread(runs) == pytest.approx([0.5])
