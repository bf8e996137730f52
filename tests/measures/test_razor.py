"""Which checkpoints are compared with the base, and how far each went: on observations by hand."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures.razor import of_choices, points
from coupling_bench.pipelines import healing, pear, spine, trainers
from coupling_bench.specs import PerturbSpec, SnapshotSpec
from coupling_bench.store import Store
from tests.observations import observation, store_runs
from tests.tiny import recipe

RECIPE = recipe()
TRUTH = np.array([0, 0, 1, 1])


def answering(*rights: float, **changes):
    """Snapshots that say the true answer with a probability, "acceptable" with the rest."""
    logps = [np.log([[p, 1 - p] if t == 0 else [1 - p, p] for t in TRUTH]) for p in rights]
    return observation(logps, TRUTH, **changes)


def run(store, seen, node="sft", stage=None):
    return store_runs(store, [seen], node, [stage or getattr(spine, node)(RECIPE, 0)])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def base(store):
    return run(store, answering(0.6), "base")


def test_a_point_is_how_far_it_went_and_what_it_lost(store, base):
    """From 0.6 to 0.9 and to 0.3: the one gains 0.3, the other loses it and its choices."""
    sure, wrong = run(store, answering(0.6, 0.9)), run(store, answering(0.6, 0.3), "rl")
    first, second = points([base, sure, wrong], base)
    far = 0.6 * np.log(0.6 / 0.9) + 0.4 * np.log(0.4 / 0.1)
    assert first.forward_kl == pytest.approx(far, abs=1e-5)
    assert (first.node, first.step, first.method, first.exact) == ("sft", 10, "SFT", True)
    assert (first.forgetting, first.gain) == pytest.approx((-0.3, 0.3))
    assert (second.forgetting, second.gain) == pytest.approx((0.3, -0.3))
    assert [p.forgetting for p in of_choices([first, second])] == [0.0, 1.0]


def test_a_stage_that_is_observed_along_its_way_is_a_point_at_each_snapshot(store, base):
    long = run(store, answering(0.6, 0.7, 0.8), "long_sft", long_sft())
    found = points([long], base)
    assert [(p.step, p.method) for p in found] == [(10, "SFT"), (20, "SFT")]
    assert [p.forgetting for p in found] == pytest.approx([-0.1, -0.2])


def test_a_method_is_what_trained_last_and_a_path_all_since_the_base(store, base):
    """Kinds that follow each other are told once; a start from a snapshot is none."""
    sft = spine.sft(RECIPE, 0)
    nodes = {
        "sft_then_rloo": trainers.sft_then_rloo(RECIPE, 0),
        "sft_then_sft": replace(sft, start=sft),
        "dpo": trainers.dpo(RECIPE, 0),
        "pear_sft": pear.pear_sft(RECIPE, 0),
        "own": replace(sft, demonstrator="start", start=spine.rl(RECIPE, 0)),
        "middle": replace(RECIPE.rl, start=SnapshotSpec(start=long_sft(), step=32)),
    }
    every = [run(store, answering(0.6, 0.9), name, stage) for name, stage in nodes.items()]
    assert {p.node: (p.method, p.path) for p in points(every, base)} == {
        "sft_then_rloo": ("RLOO", "SFT > RLOO"),
        "sft_then_sft": ("SFT", "SFT"),
        "dpo": ("DPO", "DPO"),
        "pear_sft": ("PEAR", "PEAR"),
        "own": ("SFT on own answers", "GRPO > SFT on own answers"),
        "middle": ("GRPO", "SFT > GRPO"),
    }


def test_what_does_not_belong_is_left_out_and_what_has_two_names_counts_once(store, base):
    sft, other = spine.sft(RECIPE, 0), replace(RECIPE.task, label_noise=0.2)
    strangers = {
        "other_task": replace(sft, task=other),
        "after_other_task": replace(RECIPE.rl, start=replace(sft, task=other)),
        "other_base": replace(sft, start=replace(RECIPE.base, seed=7)),
        "defect": replace(sft, planted="mask"),
        "after_defect": replace(RECIPE.rl, start=replace(sft, planted="mask")),
        "still": replace(sft, learning_rate=0.0),
        "random": PerturbSpec(start=sft, matched="norm"),
    }
    every = [run(store, answering(0.6, 0.9), name, stage) for name, stage in strangers.items()]
    assert points([base, *every], base) == []
    same = [run(store, answering(0.6, 0.9), name, sft) for name in ("sft", "again")]
    assert [p.node for p in points([*every, *same], base)] == ["sft"]


def test_where_answers_are_open_the_divergence_is_that_of_the_responses_observed(store):
    """A lower bound: mass that moves among what was not observed does not show.

    What is forgotten is sampled, and likeliest answers are not known.
    """
    rewards = np.array([[1.0, -1.0]]), np.array([[-1.0, -1.0]])
    sampled = np.stack([np.repeat(one, 4, axis=0) for one in rewards])
    logps = np.log([[[0.6, 0.3]] * 4, [[0.6, 0.1]] * 4])
    after = observation(logps, TRUTH, answers=None, sampled_rewards=sampled)
    before = replace(after, answer_logps=logps[:1], sampled_rewards=sampled[:1], steps=np.zeros(1))
    (both,) = points([run(store, after)], run(store, before, "base"))
    assert not both.exact and both.choices_forgotten is None and of_choices([both]) == []
    assert both.forgetting == pytest.approx(0.5)
    assert both.forward_kl == pytest.approx(0.2 * np.log(3), abs=1e-5)
    hidden = Store(store.root / "hidden")
    one = [replace(seen, answer_logps=seen.answer_logps[..., :1]) for seen in (before, after)]
    (bound,) = points([run(hidden, one[1])], run(hidden, one[0], "base"))
    assert bound.forward_kl == pytest.approx(0.0, abs=1e-5)


def long_sft():
    return healing.long_sft(RECIPE, 0)
