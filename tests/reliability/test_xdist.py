"""Two workers of xdist with an empty store train each stage once, as one process does."""

import json

import pytest

from coupling_bench import scales, stages
from coupling_bench.pipelines import NODES, lineage
from coupling_bench.store import MANIFEST, Store
from tests.test_workflow import run_anew
from tests.tiny import EMBEDDED

BOTH_ORDERS = [
    "suites/test_rl_after_sft_raises_the_sft_loss.py",
    "suites/test_sft_after_rl_lowers_the_expected_reward.py",
]


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """What a first run of both orders says, its reports and its store."""
    store, reports = (tmp_path_factory.mktemp(name) for name in ("store", "reports"))
    done = run_anew(*BOTH_ORDERS, "--scale", "smoke", "--seeds", "2", "-n", "2", "--workers", "1",
                    store=store, reports=reports)  # fmt: skip
    return done, reports, store


def test_each_stage_trains_once_and_the_controller_writes_the_record(spread):
    done, reports, store = spread
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers [" in done.stdout
    assert "9 stages trained, 0 reused" in done.stdout
    assert [path.name for path in reports.glob("*.json")] == ["record.json"]
    record = json.loads((reports / "record.json").read_text())
    assert len(record["claims"]) == 2 and len(record["stages"]) == 9
    assert len(list(store.glob("*/" + MANIFEST))) > 9  # and what was observed
    assert done.stdout.count("Report: ") == 1
    assert done.stdout.count("With -n nothing is told of it meanwhile") == 1


@pytest.mark.parametrize("node", ["sft_then_rl", "rl_then_sft"])
def test_they_train_what_one_process_does_to_the_bit(spread, node, tmp_path):
    recipe = scales.recipe(EMBEDDED, scales.task("grammar", "smoke"), "smoke")
    for spec in lineage(NODES[node](recipe, 0)):
        here, _ = stages.make(spec, Store(tmp_path))
    manifest = json.loads((Store(spread[2]).get(spec).folder / MANIFEST).read_text())
    assert here.manifest["files"]["model.safetensors"] == manifest["files"]["model.safetensors"]
