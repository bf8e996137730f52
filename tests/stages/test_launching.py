"""A stage on two devices gives, up to the order of sums, what it gives on one."""

import json
import shutil
from dataclasses import replace

import pytest
from torch.utils.data import BatchSampler

from coupling_bench import progress, stages
from coupling_bench.pipelines import NODES
from coupling_bench.stages import launching
from coupling_bench.stages.sharing import EvenShares
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
    """With another number of tokens in each, and a last step of an epoch that is smaller."""
    spec = replace(NODES["sft"](recipe(), 0), batch_size=24)
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


def test_a_last_step_that_leaves_a_process_without_rows_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    shares = EvenShares(BatchSampler(range(9), batch_size=2, drop_last=False))
    with pytest.raises(ValueError, match="has 1 rows for 2 processes"):
        list(shares)


@pytest.mark.parametrize("rows", [6, 8, 11])
def test_processes_share_all_rows_of_an_epoch_and_each_step_s(rows, monkeypatch):
    """The rows of each step are those of one process with twice the batch."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    of_rank = []
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        shares = EvenShares(BatchSampler(range(rows), batch_size=2, drop_last=False))
        of_rank.append(list(shares))
        assert len(of_rank[-1]) == len(shares)
    steps = [sorted(a + b) for a, b in zip(*of_rank, strict=True)]
    assert steps == list(BatchSampler(range(rows), batch_size=4, drop_last=False))
