"""A stage on two devices gives, up to the order of sums, what it gives on one."""

import json
import shutil

import pytest

from coupling_bench import progress, stages
from coupling_bench.pipelines import NODES
from coupling_bench.stages import launching
from coupling_bench.stages.sharing import check_last_step
from coupling_bench.store import Store
from tests.devices import CONFIG, weights_apart
from tests.tiny import recipe


@pytest.fixture
def two_devices(tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(CONFIG)
    yield launching.Devices.read(config)
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
    for store, devices in zip(stores(tmp_path), (None, two_devices), strict=True):
        launching.use(devices)
        entries.append(stages.make(spec, store)[0])
    progress.listen(None)
    one, two = entries
    start = Store(tmp_path / "one").get(recipe().base).folder
    assert weights_apart(start, one.folder, two.folder) < 1e-4
    assert losses(one) == pytest.approx(losses(two), rel=1e-5)
    assert two.facts["processes"] == 2 and "processes" not in one.facts
    assert two.facts["snapshots"] == one.facts["snapshots"]
    assert heard[-1].step == heard[-1].total == two.facts["steps"]


def losses(entry):
    log = json.loads((entry.folder / "log.json").read_text())
    return [step["loss"] for step in log if "loss" in step]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("num_processes: 2", ""), "is no configuration of accelerate"),
        (("num_machines: 1", "num_machines: 4"), "several machines train several stages"),
        (("MULTI_GPU", "MULTI_CPU"), "MULTI_GPU with use_cpu: true"),
    ],
)
def test_a_configuration_that_would_do_something_else_is_refused(change, sentence, tmp_path):
    config = tmp_path / "accelerate.yaml"
    config.write_text(CONFIG.replace(*change))
    with pytest.raises(ValueError, match=sentence):
        launching.Devices.read(config)


def test_a_last_step_that_would_be_filled_up_is_refused(monkeypatch):
    spec = NODES["sft"](recipe(), 0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_last_step(spec, 4 * spec.rows_per_step)
    with pytest.raises(ValueError, match="leave 3 for the last one"):
        check_last_step(spec, 4 * spec.rows_per_step + 3)
