"""The seeds of a run: where they begin, and nodes that need more of them."""

from dataclasses import replace
from pathlib import Path

from coupling_bench import catalog
from coupling_bench.bench import Bench
from coupling_bench.pipelines import LEAST_SEEDS, NODES
from coupling_bench.store import Store
from tests.tiny import MODELS


def bench(folder: Path, *seeds: int) -> Bench:
    entry = catalog.read(MODELS)["embedded"]
    return Bench(
        entries=(entry,), task_name="grammar", data_dir=None, scale_asked="smoke", seeds=seeds,
        store=Store(folder), executor="inline", workers=1, references=folder, device="cpu",
    )  # fmt: skip


def test_seeds_begin_where_they_are_told_to_and_so_do_those_of_nodes_that_need_more(tmp_path):
    one = bench(tmp_path, 101, 102, 103)
    for node in NODES:
        count = max(3, LEAST_SEEDS.get(node, 0))
        assert one.seeds_of(node) == tuple(range(101, 101 + count))
    assert [stage.seed for stage in one.stages("embedded", "sft_then_rl")] == [101, 102, 103]
    assert [stage.start.seed for stage in one.stages("embedded", "sft_then_rl")] == [101, 102, 103]
    assert max(len(one.seeds_of(node)) for node in NODES) > 3


def test_runs_of_other_seeds_share_the_base_alone(tmp_path):
    first, second = bench(tmp_path, 0, 1, 2), bench(tmp_path, 101, 102, 103)
    for node in ("base", "sft", "sft_then_rl", "rl_then_sft"):
        common = {*first.stages("embedded", node)} & {*second.stages("embedded", node)}
        assert bool(common) == (node == "base")


def test_own_schedules_and_what_they_begin_with_are_nodes_of_that_name(tmp_path):
    text = "sft:4,grpo:2,sft:1"
    one = replace(bench(tmp_path, 0, 1), pipelines=(text,))
    assert [name for name in one.nodes if name not in NODES] == ["sft:4", "sft:4,grpo:2", text]
    assert one.groups["own_schedules"] == (text,)
    for seed, stage in enumerate(one.stages("embedded", text)):
        assert stage.start == one.stages("embedded", "sft:4,grpo:2")[seed]
