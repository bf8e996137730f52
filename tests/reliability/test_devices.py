"""Several devices in a stage: SFT and GRPO as one trains them; what dies leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from coupling_bench import progress, stages
from coupling_bench.pipelines import NODES
from coupling_bench.stages import launching
from coupling_bench.store import Store
from tests.devices import CONFIG, FSDP, GRPO, weights_apart
from tests.tiny import recipe

HERE = Path(__file__).parents[2]
LONG = replace(recipe().base, max_steps=100_000)


@pytest.fixture
def two_devices(tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(CONFIG)
    devices = launching.Devices.read(config)
    launching.use(devices)
    yield devices
    launching.use(None)
    progress.listen(None)


def test_two_processes_train_grpo_as_one_does_on_the_same_completions(tmp_path):
    """Where a group lies on both, too: advantages, denominators and gradients are those of all."""
    start = stages.make(recipe().base, Store(tmp_path / "store"))[0].folder
    for count in (1, 2):
        output = tmp_path / str(count)
        output.mkdir()
        command = [
            sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone",
            "--nproc-per-node", str(count), "tests/reliability/forced_grpo.py", start, output,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": ".", "ACCELERATE_USE_CPU": "true"}
        done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = ((tmp_path / n / "rewards.txt").read_text().split() for n in "12")
    assert len(one) == GRPO.max_steps
    assert list(map(float, one)) == pytest.approx(list(map(float, two)), abs=1e-6)
    assert weights_apart(start, tmp_path / "1", tmp_path / "2") < 1e-3


def stores(tmp_path):
    """Two stores that hold the same base."""
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    stages.make(recipe().base, one)
    shutil.copytree(one.root, two.root)
    return one, two


def test_two_processes_train_sft_as_one_does(two_devices, tmp_path):
    """With another number of tokens in each, and a last step of an epoch that is smaller."""
    launching.use(None)
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


def test_grpo_on_two_devices_samples_as_many_completions_of_the_same_prompts(two_devices, tmp_path):
    store, heard = Store(tmp_path / "store"), []
    launching.use(None)
    stages.make(recipe().base, store)
    launching.use(two_devices)
    progress.listen(heard.append)
    entry = stages.make(GRPO, store)[0]
    assert entry.facts["processes"] == 2 and entry.facts["steps"] == GRPO.max_steps
    assert entry.facts["micro_batch"] * 2 == GRPO.rows_per_step
    assert heard[-1].step == GRPO.max_steps


def test_sharded_weights_are_trained_and_stored_as_whole_ones(tmp_path):
    """By FSDP: SFT ends where one process ends, snapshots too, and its entry has all weights."""
    spec, store = NODES["sft"](recipe(), 0), Store(tmp_path / "one")
    start = stages.make(recipe().base, store)[0].folder
    one = stages.make(spec, store)[0].folder
    (tmp_path / "fsdp.yaml").write_text(FSDP)
    (tmp_path / "two").mkdir()
    devices = launching.Devices.read(tmp_path / "fsdp.yaml")
    facts = launching.launch(devices, spec, start, tmp_path / "two")
    assert facts["processes"] == 2
    assert weights_apart(start, one, tmp_path / "two") < 1e-3
    name = f"snapshots/{spec.snapshot_every:06d}.safetensors"
    assert weights_apart(start, one, tmp_path / "two", name) < 1e-3


def test_a_killed_process_fails_the_stage_with_its_rank_and_no_process_stays(two_devices, tmp_path):
    begun, victims = threading.Event(), []

    def kill(message):
        if not begun.is_set():
            begun.set()
            victims.extend(launched())
            os.kill(next(p.pid for p in victims if p.environ()["RANK"] == "1"), signal.SIGKILL)

    progress.listen(kill)
    with pytest.raises(ChildProcessError, match="process 1 of its devices ended before"):
        stages.make(LONG, Store(tmp_path / "store"))
    assert len(victims) == 2
    assert_gone(victims)


def test_an_error_of_a_device_arrives_as_it_was_raised(two_devices, tmp_path):
    with pytest.raises(ValueError, match="2 processes cannot share the 15 rows of a step"):
        stages.make(replace(LONG, batch_size=15), Store(tmp_path / "store"))


def test_the_processes_leave_when_who_launched_them_is_killed(two_devices, tmp_path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from coupling_bench import progress, stages\n"
        "from coupling_bench.stages import launching\n"
        "from coupling_bench.store import Store\n"
        "from tests.reliability.test_devices import LONG\n"
        "launching.use(launching.Devices.read(Path(sys.argv[1])))\n"
        "progress.listen(lambda message: print(message.step, flush=True))\n"
        "stages.make(LONG, Store(Path(sys.argv[2])))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, two_devices.config, tmp_path / "store"],
        stdout=subprocess.PIPE, cwd=HERE,
    )  # fmt: skip
    assert parent.stdout.readline().strip() == b"1"
    left = [p for p in psutil.Process(parent.pid).children(recursive=True)]
    assert len(left) >= 3
    parent.kill()
    parent.communicate()
    assert_gone(left)


def launched():
    """The processes that train now, below this one."""
    mine = psutil.Process().children(recursive=True)
    return [p for p in mine if "RANK" in p.environ() and "--config_file" not in p.cmdline()]


def assert_gone(processes):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        alive = [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not alive:
            return
        time.sleep(0.2)
    raise AssertionError(alive)
