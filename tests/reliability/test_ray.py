"""Ray on two nodes: a shared stage once, a lost worker's or node's stage again, from where it was.

The nodes are processes of this machine (``ray.cluster_utils``), of one CPU each.
"""

import os
import signal
import threading
from dataclasses import replace

import psutil
import pytest

from coupling_bench import stages
from coupling_bench.executors import open_executor
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph, run
from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.devices import numbers
from tests.tiny import recipe

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
LONG = replace(recipe().base, max_steps=150, snapshot_every=50)


class Heard:
    """What an executor's stages have said: steps by address."""

    def __init__(self):
        self.steps, self.notes, self._changed = {}, [], threading.Condition()

    def __call__(self, message):
        with self._changed:
            self.steps.setdefault(message.address, []).append(message.step)
            self.notes += [message.note] if message.note else []
            self._changed.notify_all()

    def wait(self, specs, step):
        """Wait until each of the stages has done ``step`` steps."""
        with self._changed:
            done = lambda: all(max(self.steps.get(address(s), [0])) >= step for s in specs)  # noqa: E731
            assert self._changed.wait_for(done, timeout=180)


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("COUPLING_BENCH_SAVE_SECONDS", "0")  # so that there is where to go on from
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0})
    made.second = made.add_node(num_cpus=1, num_gpus=0)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return Store(tmp_path / "store")


def test_two_nodes_train_a_shared_stage_once_and_two_seeds_at_a_time(cluster, store):
    nodes = graph([(NODES["sft"](recipe(), seed), seed) for seed in (0, 1)])
    heard = Heard()
    executor = open_executor("ray", store, 1, heard)
    try:
        assert executor.workers == 2
        outcome = run(nodes, store, executor, lambda spec, error: None)
        both = [replace(LONG, seed=seed, max_steps=100_000) for seed in (1, 2)]
        for spec in both:
            executor.submit(spec)
        heard.wait(both, step=1)  # one CPU a node: each has one of them
    finally:
        executor.close()
    assert outcome.made == {address(spec) for spec in nodes} and not outcome.failed
    assert heard.steps[address(recipe().base)].count(1) == 1


def test_a_killed_worker_s_stage_is_retried_and_goes_on_to_the_same_numbers(cluster, store):
    heard = Heard()
    executor = open_executor("ray", store, 1, heard)
    try:
        future = executor.submit(LONG)
        heard.wait([LONG], step=40)
        os.kill(worker_at(LONG).pid, signal.SIGKILL)
        assert future.result(timeout=300) is True
    finally:
        executor.close()
    entry = store.get(LONG)
    assert entry.facts["resumed_at"] and entry.facts["resumed_at"][0] >= 1
    plain = stages.make(LONG, Store(store.root.parent / "inline"))[0]
    assert numbers(entry) == numbers(plain)


def test_a_lost_node_s_stage_is_retried_on_another(cluster, store):
    both = [replace(LONG, seed=seed) for seed in (1, 2)]
    heard = Heard()
    executor = open_executor("ray", store, 1, heard)
    try:
        futures = [executor.submit(spec) for spec in both]
        heard.wait(both, step=20)
        cluster.remove_node(cluster.second, allow_graceful=False)
        assert [future.result(timeout=400) for future in futures] == [True, True]
    finally:
        executor.close()
    assert sum("resumed_at" in store.get(spec).facts for spec in both) == 1


def worker_at(spec):
    """The process of Ray that makes ``spec``: Ray calls it by its task."""
    return next(p for p in psutil.process_iter() if p.cmdline()[:1] == [f"ray::{address(spec)}"])
