"""Drifts of weights written by hand, and two runs where both have gained the same reward."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from coupling_bench import models
from coupling_bench.measures import spectra
from coupling_bench.pipelines import NODES
from coupling_bench.runs import Runs, Split
from coupling_bench.specs import EditSpec, SnapshotSpec
from coupling_bench.store import Store
from tests.observations import observation, store_runs
from tests.tiny import recipe

NAMES = ("layers.0.q_proj.weight", "layers.0.down_proj.weight")
START = {name: np.random.default_rng(i).standard_normal((8, 12)) for i, name in enumerate(NAMES)}


def trained(store, stage, node, moments, rewards) -> Runs:
    """A run of one seed with the weights and the expected reward of each of its snapshots."""

    def write(folder):
        (folder / models.SNAPSHOTS).mkdir()
        for step, weights in enumerate(moments):
            last = step == len(moments) - 1
            file = "model.safetensors" if last else f"{models.SNAPSHOTS}/{step:06d}.safetensors"
            save_file(weights, folder / file)
        models.end_snapshots(folder, len(moments) - 1)
        return {}

    store.get_or_make(stage, write)
    right = (1 + np.array(rewards)[:, None]) / 2 * np.ones(10)
    seen = observation(np.log(np.stack([right, 1 - right], axis=2)), np.zeros(10, int))
    return store_runs(store, [replace(seen, steps=np.arange(len(moments)))], node, [stage])


def stretched(*factors):
    return [{name: w * factor for name, w in START.items()} for factor in factors]


def test_a_stretched_matrix_turns_nothing_and_changes_values_alone(tmp_path):
    run = trained(Store(tmp_path), recipe().sft, "sft", stretched(1, 1.1), [0, 0.5])
    (found,) = spectra.along(run)
    assert [one.matrix for one in found] == sorted(NAMES)
    for one in found:
        assert one.k == 2
        assert one.rotation == pytest.approx(0.0, abs=1e-7)
        assert (one.value_change, one.norm) == pytest.approx((0.1, 0.1))
        assert one.value_share == pytest.approx(1.0)
        assert one.unchanged == 0.0
        assert 0 < one.matched_rotation < one.random_rotation < 1
    (row,) = spectra.rows("sft", run.seeds, [found])
    assert row["value_change"] == pytest.approx(0.1) and row["matrices"] == 2


def test_two_runs_are_compared_where_both_have_gained_as_much(tmp_path):
    """SFT gains 0.36 in 0.9 steps, RL, stretched half as fast, in 1.8: both are then at 9 %."""
    store, whole = Store(tmp_path), recipe()
    sft = trained(store, whole.sft, "sft", stretched(1, 1.1, 1.2), [0.1, 0.5, 0.9])
    rl = trained(store, whole.rl, "rl", stretched(1, 1.05, 1.1), [0.1, 0.3, 0.5])
    pair = spectra.at_equal_gain(rl, sft, "value_change", Split(name="held_out"))
    assert pair == (pytest.approx([0.09]), pytest.approx([0.09]))
    unchanged = spectra.at_equal_gain(rl, sft, "unchanged", Split(name="held_out"))
    assert unchanged == (pytest.approx([0.0]), pytest.approx([0.1]))


def test_the_moment_of_an_edit_is_compared_with_the_end_of_its_run(tmp_path):
    store, stage = Store(tmp_path), recipe().sft
    trained(store, stage, "sft", stretched(1, 1.1, 1.2), [0, 0.1, 0.2])
    edit = EditSpec(start=SnapshotSpec(start=stage, step=1), part="values")
    store.get_or_make(edit.start, lambda folder: {"steps": 1})
    runs = Runs(node="edit", seeds=(0,), stages=(edit,), store=store)
    assert spectra.mean(spectra.since_moment(runs), "value_change") == pytest.approx(0.1 / 1.1)


@pytest.mark.parametrize(("lengths", "expected"), [((1, 2, 3), 1.0), ((3, 2, 1), -1.0)])
def test_the_loss_out_of_domain_is_ranked_against_what_the_weights_did(lengths, expected, tmp_path):
    """The loss rises from moment to moment, after a start that is none of them."""
    draw = np.random.default_rng(5)
    away = {name: draw.standard_normal(w.shape) for name, w in START.items()}
    moments = [{n: w + t / 10 * away[n] for n, w in START.items()} for t in (0, *lengths)]
    stage = NODES["long_sft"](recipe(), 0)
    run = trained(Store(tmp_path), stage, "long_sft", moments, [0, 0.5, 0.3, 0.1])
    for measure in ("rotation", "norm"):
        assert spectra.loss_ranks_as(run, measure) == pytest.approx([expected])
    assert spectra.loss_ranks_as(run, "steps") == pytest.approx([1.0])
