"""The training graph: each node once, parents first, failures where they belong."""

from concurrent.futures import Future
from dataclasses import replace

from coupling_bench.console import told
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph, run
from coupling_bench.pipelines import NODES, spine, trainers
from coupling_bench.specs import ObservationSpec, parent
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()
ALL = [
    (node(RECIPE, seed), seed)
    for node in (*spine.NODES.values(), *trainers.NODES.values())
    for seed in range(3)
]


class PretendExecutor:
    """Makes entries without training; fails those it is told to."""

    def __init__(self, store, fails=()):
        self.store, self.fails, self.order, self.workers = store, fails, [], 2

    def submit(self, spec):
        start = parent(spec)
        assert start is None or self.store.find(start), "a parent was not finished"
        self.order.append(address(spec))
        future = Future()
        if address(spec) in self.fails:
            future.set_exception(RuntimeError("broken"))
        else:
            future.set_result(self.store.get_or_make(spec, lambda folder: {})[1])
        return future

    def close(self):
        pass


def test_a_shared_stage_stands_in_the_graph_once_and_after_its_parent():
    nodes = graph(ALL)
    names = [address(spec) for spec in nodes]
    stages = [spec for spec in nodes if not isinstance(spec, ObservationSpec)]
    assert len(names) == len(set(names))
    assert len(stages) == 1 + 10 * 3  # one base for all seeds; SFT begins three of six pipelines
    for spec in nodes:
        start = parent(spec)
        assert start is None or names.index(address(start)) < names.index(address(spec))


def test_a_second_run_makes_nothing(tmp_path):
    store, nodes = Store(tmp_path), graph(ALL)
    first = run(nodes, store, PretendExecutor(store), lambda spec, error: None)
    executor = PretendExecutor(store)
    second = run(nodes, store, executor, lambda spec, error: None)
    assert first.made == second.reused == {address(spec) for spec in nodes}
    assert executor.order == []


def test_a_failure_fails_its_descendants_and_nothing_else(tmp_path):
    store, nodes = Store(tmp_path), graph(ALL)
    broken = NODES["rl"](RECIPE, 1)
    outcome = run(nodes, store, PretendExecutor(store, {address(broken)}), lambda spec, error: None)
    below = {
        address(spec)
        for spec in nodes
        if address(broken) in {address(a) for a in ancestors(spec)} | {address(spec)}
    }
    assert set(outcome.failed) == below
    blocked = {told(outcome.failed[name]) for name in below - {address(broken)}}
    assert blocked == {f"it did not run, because {address(broken)} failed: RuntimeError: broken"}
    assert outcome.made == {address(spec) for spec in nodes} - below
    assert len(below) == 6  # the stage, its descendant, and two observations of each


def ancestors(spec):
    start = parent(spec)
    return [] if start is None else [start, *ancestors(start)]


def test_nodes_side_by_side_have_no_more_threads_than_there_are_workers(tmp_path):
    """A base of two threads on two workers runs alone; what is left runs two by two."""
    first = replace(RECIPE, base=replace(RECIPE.base, threads=2))
    other = replace(first, base=replace(first.base, seed=5))
    store, alive, most = Store(tmp_path), {}, []

    class Waiting(PretendExecutor):
        def submit(self, spec):
            future = super().submit(spec)
            alive[address(spec)] = spec.threads
            most.append((sum(alive.values()), len(alive)))
            return future

    nodes = graph([(NODES["base"](first, 0), 0), (NODES["base"](other, 0), 0)])
    run(nodes, store, Waiting(store), lambda spec, error: alive.pop(address(spec)))
    assert {number for _, number in most if number > 1} == {2}
    assert max(threads for threads, _ in most) == 2


def test_the_longest_path_starts_first(tmp_path):
    """SFT before RL before observations: SFT-then-RL still has RL to come."""
    store, nodes = Store(tmp_path), graph(ALL)
    executor = PretendExecutor(store)
    run(nodes, store, executor, lambda spec, error: None)
    kinds = [name.split("-")[0] for name in executor.order]
    assert kinds[0] == "PretrainSpec"
    assert kinds.index("ObservationSpec") > kinds.index("SFTSpec")
