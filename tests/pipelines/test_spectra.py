"""Nodes with edited weights: all of one run and one moment, and none where adapters are trained."""

from dataclasses import replace

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, NotHereError, healing, lineage, spectra
from coupling_bench.specs import BestSnapshotSpec, EditSpec, LoraSpec, SnapshotSpec
from tests.tiny import recipe

RECIPE = recipe()
EDITS = {name: NODES[name](RECIPE, 1) for name in spectra.NODES}


def test_edits_of_one_end_differ_in_what_they_put_back_alone():
    """So that controls move the same matrices, from the same end, to or as far as one moment."""
    assert len({address(edit) for edit in EDITS.values()}) == len(EDITS)
    for run, moment in (
        ("long_sft", BestSnapshotSpec(start=NODES["long_sft"](RECIPE, 1))),
        ("sft_then_rl", SnapshotSpec(start=NODES["sft_then_rl"](RECIPE, 1), step=0)),
    ):
        found = [edit for name, edit in EDITS.items() if name.startswith(f"{run}_with")]
        assert {replace(edit, part="whole", share=1.0) for edit in found} == {
            EditSpec(start=moment, part="whole", seed=1)
        }
        assert {edit.part for edit in found} >= {"vectors", "whole", "direction"}


def test_single_weights_go_as_far_as_the_leading_vectors():
    shares = {
        edit.share for name, edit in EDITS.items() if name.endswith(("leading_vectors", "entries"))
    }
    assert shares == {spectra.LEADING}


def test_only_the_end_is_edited_and_nothing_else_is_trained_for_it():
    long = {address(stage) for stage in lineage(NODES["long_sft"](RECIPE, 1))}
    for name, edit in EDITS.items():
        trained = {address(one) for one in lineage(edit)} - {address(edit), address(edit.start)}
        assert trained == (long if name.startswith("long") else trained)
        assert edit.task == RECIPE.task


def test_adapters_have_no_whole_matrices():
    adapted = replace(RECIPE, sft=replace(RECIPE.sft, lora=LoraSpec(rank=2, alpha=4)))
    for node in spectra.NODES.values():
        with pytest.raises(NotHereError, match="without --peft"):
            node(adapted, 0)
    assert healing.long_sft(adapted, 0).lora
