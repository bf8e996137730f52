"""The plan of a run: a tree of what would be made, estimates of what is known, nothing trained."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coupling_bench.collected import Name
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph, missing
from coupling_bench.pipelines import NODES
from coupling_bench.plan_table import MOST_ROWS, plan_data, plan_lines
from coupling_bench.planning.overview import overview
from coupling_bench.store import Store
from tests.planning.reach import specs
from tests.tiny import recipe

ROOT = Path(__file__).parents[1]
RECIPE = recipe()
SUITE = "suites/test_rl_after_sft_raises_the_sft_loss.py"


def planned(runs, store, workers=2):
    nodes = graph((stage, name.seed) for stage, name in runs)
    names = {address(stage): name for stage, name in runs}
    return overview(nodes, missing(nodes, store), store, workers), names


def small(store):
    """SFT and SFT-then-RL of two seeds on a base; SFT of seed 0 and what is asked of it is made."""
    runs = [
        (NODES[node](RECIPE, seed), Name("embedded", node, seed))
        for node in ("base", "sft", "sft_then_rl")
        for seed in range(2)
    ]
    for spec in graph([(NODES["sft"](RECIPE, 0), 0)]):
        store.get_or_make(spec, lambda folder: {})
    return planned(runs, store)


def test_the_table_is_a_tree_that_says_what_is_there_and_what_is_not_known(tmp_path):
    plan, names = small(Store(tmp_path))
    head, *rows, _, last = plan_lines(plan, names, {("embedded", "sft"): ["test_a", "test_b"]})
    assert head.split() == ["node", "kind", "seeds", "in", "the", "store", "time", "tests"]
    assert [row.split()[:5] for row in rows] == [
        ["base", "Pretrain", "1", "1/1", "0"],
        ["sft", "SFT", "2", "1/2", "0"],
        ["sft_then_rl", "GRPO", "2", "0/2", "?"],
    ]
    assert [len(row) - len(row.lstrip()) for row in rows] == [0, 2, 4]
    assert rows[1].split()[-1] == "2"
    assert last.startswith("5 stages: 2 in the store, 3 to train, and ")
    assert "at least" in last
    assert "the store has nothing like them; they are left out." in last


def test_as_data_it_holds_every_node_and_null_for_what_is_not_known(tmp_path):
    plan, names = small(Store(tmp_path))
    data = json.loads(json.dumps(plan_data(plan, names, {})))
    assert (data["stages"], data["stored"], data["to_train"]) == (5, 2, 3)
    rl = [node for node in data["nodes"] if node["kind"] == "GRPO"]
    assert [(node["node"], node["seed"], node["seconds"]) for node in rl] == [
        ("sft_then_rl", 0, None),
        ("sft_then_rl", 1, None),
    ]
    assert rl[0]["start"] == address(NODES["sft"](RECIPE, 0))
    assert sum(not node["stored"] for node in data["nodes"]) > 3  # observations too


def test_many_models_are_told_together_unless_each_stage_is_asked_for(tmp_path):
    models, recipes = 60, 4
    plan, names = planned(list(specs(models, recipes)), Store(tmp_path))
    assert models * recipes > MOST_ROWS
    short = list(plan_lines(plan, names, {}))
    assert len(short) == 1 + (1 + recipes) + 2
    assert all(f"0/{models}" in row for row in short[1:-2])
    assert len(list(plan_lines(plan, names, {}, detailed=True))) == 1 + models * (1 + recipes) + 2


def coupling_bench(*arguments):
    code = (
        "import sys; from coupling_bench.cli import main; status = main(sys.argv[1:]);"
        "assert 'torch' not in sys.modules; sys.exit(status)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_command_plans_what_pytest_collects_and_makes_nothing(tmp_path):
    store = tmp_path / "store"
    done = coupling_bench("plan", "--json", SUITE, "--seeds", "2", "--store", str(store))
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["to_train"] == data["stages"] == 1 + 2 + 2
    needed = {node["node"]: len(node["tests"]) for node in data["nodes"]}
    assert needed["sft_then_rl"] == needed["sft"] == 1
    assert not store.exists()


def test_schedules_of_the_users_own_are_planned_and_asked_what_the_others_are(tmp_path):
    """Its stages once, each under what has been written up to it; in the table and in a claim."""
    own = "sft:20,grpo:10"
    done = coupling_bench(
        "plan", "--json", "suites", "-k", "reaches_what", "--pipeline", own, "--seeds", "2",
        "--store", str(tmp_path / "store"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tests = {node["node"]: node["tests"] for node in json.loads(done.stdout)["nodes"]}
    assert tests["sft:20"] == []
    assert len(tests[own]) == len(tests["joint_annealed"]) == 2
    assert any("reaches_what_no_order_reaches[" in t and own in t for t in tests[own])


def test_schedules_that_no_test_asks_for_are_a_mistake(tmp_path):
    done = coupling_bench("plan", SUITE, "--pipeline", "sft:20,grpo:10", "--store", str(tmp_path))
    assert done.returncode != 0
    assert "Add theirs: suites/neighbours/schedules" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["suites/nothing"], "not found: suites/nothing"),
        ([SUITE, "-n", "2"], "Leave -n (or --dist) out."),
    ],
)
def test_a_mistake_is_said_in_a_sentence(arguments, found):
    done = coupling_bench("plan", *arguments)
    assert done.returncode == 2
    assert found in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
