"""Bounds at every pair of checkpoints: they hold of any policies, and a defect breaks them."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench import synthetic
from coupling_bench.measures import divergence, invariants, pairs
from coupling_bench.pipelines import observations
from coupling_bench.runs import Split
from coupling_bench.specs import ColaSpec
from coupling_bench.store import Store
from coupling_bench.theorems import Theorem, check
from tests.observations import observation, random_observation, store_runs
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
THEOREM = Theorem(sentence="a bound", cites="tests")


def judged(bound, groups):
    """What a suite would say of a bound on these checkpoints."""
    found = invariants.slacks(bound, groups)
    slack = np.concatenate([one.slack for one in found])
    names = [name for one in found for name in one.names]
    return check(THEOREM, slack, tolerance=1e-5, unit="nats", where=names)


@pytest.fixture
def runs(tmp_path):
    return store_runs(Store(tmp_path), [random_observation(seed, snapshots=4) for seed in (1, 2)])


@pytest.mark.parametrize("bound", invariants.BOUNDS)
def test_random_policies_break_no_bound_within_a_run_or_at_the_end(runs, bound):
    """Rewards and demonstrators of both seeds differ, so that no final ones are comparable."""
    within = list(pairs.along(runs, HELD_OUT))
    found = judged(bound, within)
    assert found.outcome == "passed"
    assert found.record["instances"] == 2 * 4 * 3
    assert [len(these.names) for these in pairs.at_the_end([runs], HELD_OUT)] == [1, 1]


def test_the_slacks_of_two_policies_are_those_by_hand(tmp_path):
    """A coin and p_D itself, right nine times in ten, with rewards 1 and 0: R_max = w = 1.

    The smaller divergence is KL(0.9 || 0.5) = log 2 - h(0.9), and J differs by 0.4.
    """
    least = np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    seen = observation(np.log([[[0.5, 0.5]] * 5, [[0.9, 0.1]] * 5]), [0] * 5)
    seen = replace(seen, rewards=(seen.rewards > 0) * 1.0, other_reward=np.array(0.0))
    groups = list(pairs.along(store_runs(Store(tmp_path), [seen]), HELD_OUT))
    for bound, there, back in (
        ("Proposition 1", np.sqrt(2 * least) - 0.4, np.sqrt(2 * least) - 0.4),
        ("Pinsker", np.sqrt(least / 2) - 0.4, np.sqrt(least / 2) - 0.4),
        ("Non-decoupling threshold", 0.0, least - 2 * 0.4**2),
        ("KL identity", 0.0, 0.0),
    ):
        (found,) = invariants.slacks(bound, groups)
        assert found.slack == pytest.approx([there, back], abs=1e-5), bound


def test_divergences_of_all_pairs_are_those_of_each_pair(runs):
    (these, _) = pairs.along(runs, HELD_OUT)
    seen = random_observation(1, snapshots=4)
    each = [replace(seen, answer_logps=seen.answer_logps[[n]]) for n in range(4)]
    for i, j in np.ndindex(4, 4):
        expected = divergence.kl_by_item(each[i], each[j]).mean()
        assert these.divergences[i, j] == pytest.approx(expected, abs=1e-13)


def test_final_checkpoints_on_the_same_prompts_are_compared_and_the_base_counts_once(tmp_path):
    store, first = Store(tmp_path), random_observation(0)
    second = replace(random_observation(1), rewards=first.rewards, demonstrated=first.demonstrated)
    sft = store_runs(store, [first, second])
    base = store_runs(store, [first], "base", recipe().base)
    for spec in observations(base.stages[0], 1):  # of the run of another seed
        store.get_or_make(spec, lambda folder: synthetic.write(first, folder))
    base = replace(base, seeds=(0, 1), stages=base.stages * 2)
    other = store_runs(store, [random_observation(2)], "rl", recipe().rl)
    together, alone = pairs.at_the_end([base, sft, other], HELD_OUT)
    assert together.names == ("base seed 0", "sft seed 0", "sft seed 1")
    assert alone.names == ("rl seed 0",)
    assert len(list(pairs.along(base, HELD_OUT))) == 1


def test_final_checkpoints_of_other_demonstrators_are_not_compared(tmp_path):
    """Gold ones on the same prompts, with the same verifier: L, L* and J_D are others."""
    store, first = Store(tmp_path), random_observation(0)
    gold = replace(first, demonstrated=(first.rewards > 0) * 1.0)
    task = replace(recipe().task, label_noise=0.0)
    stage = replace(recipe().sft, task=task)
    runs = [store_runs(store, [first]), store_runs(store, [gold], "sft_gold", stage)]
    found = list(pairs.at_the_end(runs, HELD_OUT))
    assert [these.names for these in found] == [("sft seed 0",), ("sft_gold seed 0",)]
    assert [these.least_loss > 0 for these in found] == [True, False]


def test_a_reward_that_is_not_the_policys_breaks_proposition_1_and_is_named(runs):
    """A verifier that changed its mind between two snapshots."""
    first, second = pairs.along(runs, HELD_OUT)
    wrong = replace(second, rewards=second.rewards + 3.0 * np.eye(4)[2])
    for bound in ("Proposition 1", "Pinsker"):
        found = judged(bound, [first, wrong])
        assert found.outcome == "failed"
        assert "at sft seed 1, step " in found.message and "step 20" in found.message


def test_probabilities_that_do_not_add_up_break_the_identity_and_are_named(tmp_path):
    """A probe that forgets the end of sequence: answers are more probable than they are."""
    seen = random_observation(3, snapshots=3)
    forgotten = seen.answer_logps + np.log([[[1.0]], [[1.0]], [[1.5]]])
    runs = store_runs(Store(tmp_path), [replace(seen, answer_logps=forgotten)])
    found = judged("KL identity", pairs.along(runs, HELD_OUT))
    assert found.outcome == "failed"
    assert "sft seed 0, step 0 -> step 20" in found.message


def test_demonstrators_of_another_noise_break_the_threshold_bounds(tmp_path):
    """The task says one in ten, the observation demonstrates four in ten: L* is not theirs."""
    p = np.array([[[0.61, 0.38]] * 5, [[0.6, 0.39]] * 5])
    seen = observation(np.log(p), [0] * 5, label_noise=0.4)
    runs = store_runs(Store(tmp_path), [seen])
    assert judged("KL identity", pairs.along(runs, HELD_OUT)).outcome == "failed"


def test_on_real_data_the_bounds_hold_of_what_was_demonstrated(tmp_path):
    seen = random_observation(4)
    seen = replace(seen, demonstrated=(seen.rewards > 0) * 1.0)
    stage = replace(recipe().sft, task=ColaSpec(files=(), pretraining_share=0.5))
    runs = store_runs(Store(tmp_path), [seen], stage=stage)
    (these,) = pairs.along(runs, HELD_OUT)
    assert these.least_loss == 0.0
    assert {judged(bound, [these]).outcome for bound in invariants.BOUNDS} == {"passed"}


def test_a_table_says_where_the_slack_is_least(runs):
    for one in invariants.slacks("Pinsker", pairs.along(runs, HELD_OUT)):
        row = one.row
        assert set(row) == {"bound", "node", "seed", "pairs", "least_slack", "at"}
        assert row["least_slack"] == one.slack.min() and row["pairs"] == 12
        assert row["at"] in one.names
