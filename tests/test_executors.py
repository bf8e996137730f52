"""Executors: a killed worker is one sentence, and an error keeps its own."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from coupling_bench.executors import open_executor
from coupling_bench.executors.process import KILLED
from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.tiny import recipe

LONG = replace(recipe().base, max_steps=100_000)


def test_a_killed_worker_fails_its_stage_and_what_comes_after_with_one_sentence(tmp_path):
    messages = []
    executor = open_executor("process", Store(tmp_path), 1, messages.append)
    try:
        future = executor.submit(LONG)
        deadline = time.monotonic() + 120
        while not messages and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in executor._pools[0]._processes:
            os.kill(pid, signal.SIGKILL)
        assert str(future.exception(timeout=60)) == KILLED
        assert str(executor.submit(LONG).exception(timeout=60)) == KILLED
    finally:
        executor.close()
    assert Store(tmp_path).find(LONG) is None
    assert messages[0].total == 100_000


@pytest.mark.parametrize("name", ["inline", "process"])
def test_an_error_in_a_stage_arrives_as_it_was_raised(name, tmp_path):
    executor = open_executor(name, Store(tmp_path), 1, lambda message: None)
    try:
        error = executor.submit(replace(recipe().base, max_length=3)).exception(timeout=120)
    finally:
        executor.close()
    assert isinstance(error, ValueError)
    assert "the limit is 3" in str(error)


def test_workers_leave_when_their_parent_is_killed_and_clean_up(tmp_path):
    """A parent that is killed outright takes its workers along, and no half entry stays."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from coupling_bench.executors import open_executor\n"
        "from coupling_bench.store import Store\n"
        "from tests.test_executors import LONG\n"
        "if __name__ == '__main__':\n"
        "    tell = lambda message: print(executor._pools[0]._processes, flush=True)\n"
        "    executor = open_executor('process', Store(Path(sys.argv[1])), 1, tell)\n"
        "    executor.submit(LONG).result()\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    store = tmp_path / "store"
    parent = subprocess.Popen(
        [sys.executable, str(script), str(store)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    worker = int(re.search(r"\{(\d+):", parent.stdout.readline()).group(1))
    assert [path for path in store.iterdir() if path.name.startswith("work-")]
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 60
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(worker)
    assert [path.name for path in store.iterdir()] == ["locks"]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return not state.stdout.strip().startswith("Z") and bool(state.stdout.strip())


def test_each_entry_has_a_process_of_its_own_where_memory_is_to_be_given_back(tmp_path):
    """As on a GPU: it has ended when the entry is done. Else one worker makes one after another."""
    for fresh, most in ((True, 0), (False, 1)):
        store = Store(tmp_path / str(fresh))
        executor = open_executor("process", store, 1, lambda message: None, fresh=fresh)
        try:
            for spec in (recipe().base, NODES["sft"](recipe(), 0)):
                assert executor.submit(spec).result() is True
                assert len(multiprocessing.active_children()) == most
        finally:
            executor.close()


def test_an_entry_of_its_own_process_fails_with_its_own_sentence(tmp_path):
    executor = open_executor("process", Store(tmp_path), 1, lambda message: None, fresh=True)
    future = executor.submit(replace(recipe().base, max_length=3))
    assert "the limit is 3" in str(future.exception(timeout=120))
    executor.close()
