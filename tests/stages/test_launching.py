"""A stage on two devices gives, up to the order of sums, what it gives on one."""

import json
import shutil

import pytest
from safetensors.torch import load_file

from coupling_bench import progress, stages
from coupling_bench.pipelines import NODES
from coupling_bench.stages import launching
from coupling_bench.store import Store
from tests.tiny import recipe

CONFIG = """
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_machines: 1
num_processes: 2
use_cpu: true
mixed_precision: 'no'
"""
"""What ``accelerate config`` writes for two GPUs, on the CPU: gloo instead of NCCL."""


@pytest.fixture
def two_devices(tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(CONFIG)
    yield config
    launching.use(None)


def stores(tmp_path):
    """Two stores that hold the same base."""
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    stages.make(recipe().base, one)
    shutil.copytree(one.root, two.root)
    return one, two


def test_two_processes_train_sft_as_one_does(two_devices, tmp_path):
    """Answers differ in length, so that each process has another number of tokens to average."""
    spec = NODES["sft"](recipe(), 0)
    heard, entries = [], []
    progress.listen(heard.append)
    for store, config in zip(stores(tmp_path), (None, two_devices), strict=True):
        launching.use(config)
        entries.append(stages.make(spec, store)[0])
    progress.listen(None)
    one, two = entries
    assert weights_apart(one, two) < 1e-4, weights_apart(one, two)
    for there, here in zip(log(one), log(two), strict=True):
        assert there.get("loss") == pytest.approx(here.get("loss"), rel=1e-5)
    assert two.facts["processes"] == 2 and "processes" not in one.facts
    assert two.facts["snapshots"] == one.facts["snapshots"]
    assert heard[-1].step == heard[-1].total == two.facts["steps"]


def log(entry):
    return json.loads((entry.folder / "log.json").read_text())


def weights_apart(one, two):
    """The distance of the weights as a share of how far training has moved them."""
    first, last, other = (
        load_file(folder / file)
        for folder, file in (
            (one.folder, "snapshots/000000.safetensors"),
            (one.folder, "model.safetensors"),
            (two.folder, "model.safetensors"),
        )
    )
    shared = first.keys() & last.keys()  # a tied weight may have either of its names
    moved = sum(((last[k] - first[k]) ** 2).sum() for k in shared)
    return (sum(((last[k] - other[k]) ** 2).sum() for k in shared) / moved).sqrt().item()
