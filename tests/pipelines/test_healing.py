"""A long SFT is the spine's but for its length and schedule, and RL starts from moments of it."""

from dataclasses import fields, replace

import pytest
import torch

from coupling_bench import models, planning, stages
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, NotHereError, healing, observations
from coupling_bench.specs import GRPOSpec, LongSFTSpec
from coupling_bench.store import Store
from tests import open_task
from tests.tiny import recipe

RECIPE = recipe()
SFT = NODES["sft"](RECIPE, 1)
OPTIONS = {field.name: getattr(SFT, field.name) for field in fields(SFT)}


def test_a_long_sft_has_the_spines_options_but_for_length_and_schedule():
    long = NODES["long_sft"](RECIPE, 1)
    changed = {name for name, value in OPTIONS.items() if getattr(long, name) != value}
    assert changed == {"lr_scheduler_type", "num_train_epochs", "snapshot_every"}


def test_it_sees_as_many_demonstrations_in_batches_of_any_size_and_rl_starts_where_it_was():
    for size in (8, 16, 32, 64):
        other = replace(RECIPE, scale="small", sft=replace(RECIPE.sft, batch_size=size))
        long = NODES["long_sft"](other, 0)
        seen = [step * size for step in (*long.also_after, long.max_steps)]
        assert seen == [step * healing.BATCH for step in (*healing.STORED, healing.STEPS)]
        starts = [NODES[name](other, 0).start for name in healing.GROUPS["whole_window"]]
        assert [start.step for start in starts[:-1]] == [0, *long.also_after]
        assert starts[-1] == long


def test_it_alone_is_observed_out_of_domain_all_along():
    along = [("held_out", "all"), ("out_of_domain", "all")]
    at_the_end = [("held_out", "all"), ("out_of_domain", "last")]
    for name, splits in (
        ("long_sft", along),
        ("long_sft_then_sft", at_the_end),
        ("sft", at_the_end),
    ):
        asked = observations(NODES[name](RECIPE, 0), 0)
        assert [(one.split, one.snapshots) for one in asked] == splits


def test_all_starts_of_rl_get_the_same_rl():
    """They differ in their start alone."""
    arms = [NODES[name](RECIPE, 0) for name in healing.GROUPS["whole_window"]]
    assert len({address(arm) for arm in arms}) == len(arms) == 8
    assert {replace(arm, start=None) for arm in arms} == {replace(arms[0], start=None)}
    assert all(isinstance(arm, GRPOSpec) for arm in arms)
    last = NODES["long_sft_then_sft"](RECIPE, 0)
    assert last.max_steps == arms[0].max_steps


def test_a_task_without_a_split_out_of_domain_has_none():
    task = open_task.spec()
    task = replace(task, files=tuple(one for one in task.files if one[0] != "out_of_domain"))
    without = replace(RECIPE, task=task, sft=replace(RECIPE.sft, task=task))
    with pytest.raises(NotHereError, match=r"task\.toml"):
        NODES["long_sft"](without, 0)


def test_sft_told_in_steps_is_sft_told_in_epochs(tmp_path):
    """The same weights in the end, snapshots where they are asked for, and all counted."""
    store = Store(tmp_path)
    long = LongSFTSpec(
        **OPTIONS | {"num_train_epochs": 1, "snapshot_every": 5}, max_steps=8, also_after=(1, 2)
    )
    for spec in (RECIPE.base, SFT, long):
        stages.make(spec, store)
    ends = [models.load(store.get(spec).folder)[0].state_dict() for spec in (SFT, long)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert models.snapshot_steps(store.get(long).folder) == [0, 1, 2, 5, 8]
    held_out = observations(long, 1)[0]
    assert planning.load_of(held_out).rows == 5 * 40
