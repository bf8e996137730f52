"""Editing a run's end: what is put back, what stays, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench import choosing, models, stages
from coupling_bench.measures.reward import expected_reward
from coupling_bench.measures.weights import distance, matrices
from coupling_bench.pipelines import lineage, observation, observations
from coupling_bench.pipelines.spine import sft
from coupling_bench.runs import Runs, Split, is_observed, read_observation
from coupling_bench.specs import BestSnapshotSpec, EditSpec, LoraSpec, SnapshotSpec
from coupling_bench.specs.edit import MATRICES
from coupling_bench.store import Store
from tests import open_task
from tests.architectures import save
from tests.tiny import imported, recipe

SFT = sft(recipe(), 0)
START = SnapshotSpec(start=SFT, step=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with SFT and an edit of each kind that puts back its start."""
    store = Store(tmp_path_factory.mktemp("store"))
    for spec in lineage(START):
        stages.make(spec, store)
    return store


def made(store, **options):
    """The folder of an edit, and its facts."""
    entry, _ = stages.make(EditSpec(start=START, **options), store)
    return entry.folder, entry.facts


def runs(store, stage) -> Runs:
    return Runs(node="", seeds=(0,), stages=(stage,), store=store)


def test_whole_matrices_are_those_of_the_moment_and_the_rest_is_the_ends(store):
    folder, facts = made(store, part="whole")
    run = store.get(SFT).folder
    at_start, edited = matrices(run, 0, MATRICES), matrices(folder, 0, MATRICES)
    assert facts["matrices"] == len(edited) == 8
    for name, weights in at_start.items():
        np.testing.assert_array_equal(edited[name], weights)
    others = ("o_proj", "gate_proj", "up_proj", "embed_tokens", "input_layernorm")
    for name, weights in matrices(run, models.snapshot_steps(run)[-1], others).items():
        np.testing.assert_array_equal(matrices(folder, 0, others)[name], weights)


def test_the_norm_is_that_of_the_edit_and_random_changes_have_it_too(store):
    _, vectors = made(store, part="vectors")
    for part in ("direction", "vectors"):
        spec = EditSpec(start=START, part=part)
        stages.make(spec, store)
        assert distance(runs(store, spec), runs(store, SFT))[0] == pytest.approx(
            vectors["norm"], rel=1e-5
        )


@pytest.mark.parametrize(
    ("moment", "split"),
    [(START, "held_out"), (BestSnapshotSpec(start=SFT), "out_of_domain")],
    ids=["of a step", "the best out of domain"],
)
def test_an_edit_is_observed_in_the_domain_that_its_moment_is_taken_for(store, moment, split):
    spec = EditSpec(start=moment, part="whole")
    (asked,) = observations(spec, 0)
    for one in (moment, spec, asked):
        stages.make(one, store)
    assert asked.split == split
    edited = runs(store, spec)
    assert np.isfinite(expected_reward(edited, Split(name=split))).all()
    observed = {
        name for name in ("held_out", "out_of_domain") if is_observed(edited, Split(name=name))
    }
    assert observed == {split}


def test_the_best_snapshot_earns_most_on_the_items_that_choose(store):
    """And is what an observation of all snapshots says, with the weights of that snapshot."""
    best = BestSnapshotSpec(start=SFT)
    entry, _ = stages.make(best, store)
    asked = replace(observation(SFT, 0, "out_of_domain"), snapshots="all")
    seen = read_observation(stages.make(asked, store)[0].folder)
    right = np.take_along_axis(seen.answer_logps, seen.truth[None, :, None], axis=2)[..., 0]
    earned = np.exp(right)[:, ::2].mean(axis=1)
    step = entry.facts["steps"]
    assert earned[list(seen.steps).index(step)] == pytest.approx(earned.max())
    np.testing.assert_equal(
        matrices(entry.folder, step, MATRICES), matrices(store.get(SFT).folder, step, MATRICES)
    )
    assert observations(best, 0) == ()


def test_adapters_and_models_without_such_matrices_are_refused(tmp_path):
    store = Store(tmp_path / "store")
    adapted = imported(save("llama", tmp_path / "llama"), LoraSpec(rank=4, alpha=8))
    fused = imported(save("gpt2", tmp_path / "gpt2"))
    for spec, sentence in ((adapted, "it has adapters.*without --peft"), (fused, "has .*c_attn")):
        start = SnapshotSpec(start=sft(spec, 0), step=0)
        for one in lineage(start):
            stages.make(one, store)
        with pytest.raises(ValueError, match=sentence):
            stages.make(EditSpec(start=start, part="values"), store)
        with pytest.raises(ValueError, match=sentence):
            matrices(store.get(start.start).folder, 0, MATRICES)


def test_a_moment_that_is_not_stored_and_a_split_that_is_not_there_are_refused(store, tmp_path):
    with pytest.raises(ValueError, match=r"no snapshot after 3 optimizer steps\. .*0, 4, 8"):
        stages.make(replace(START, step=3), store)
    with pytest.raises(ValueError, match=r"no snapshot after 3 optimizer steps\. .*0, 4, 8"):
        matrices(store.get(SFT).folder, 3, MATRICES)
    task = open_task.spec()
    no_split = BestSnapshotSpec(start=replace(SFT, task=task))
    with pytest.raises(ValueError, match="has no such split"):
        choosing.run(no_split, tmp_path, tmp_path)
