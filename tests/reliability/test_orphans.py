"""A run that is killed outright takes its workers along."""

import os
import subprocess
import sys
import time
from dataclasses import replace

from tests.tiny import recipe

LONG = replace(recipe().base, max_steps=100_000)


def test_workers_leave_when_their_parent_is_killed_and_clean_up(tmp_path):
    """A parent that is killed outright takes its workers along, and no half entry stays."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from coupling_bench.executors import open_executor\n"
        "from coupling_bench.store import Store\n"
        "from tests.reliability.test_orphans import LONG\n"
        "if __name__ == '__main__':\n"
        "    tell = lambda message: print(executor._open[0].process.pid, flush=True)\n"
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
    worker = int(parent.stdout.readline())
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
