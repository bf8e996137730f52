"""The executor ray: the same keys and numbers as inline, and errors as stages raised them."""

import shutil
from dataclasses import replace

import pytest

from coupling_bench.executors import open_executor
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph, run
from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.devices import numbers
from tests.tiny import recipe

RECIPE = recipe()
BROKEN = replace(NODES["sft"](RECIPE, 1), max_length=3)


@pytest.fixture(scope="module")
def local_ray():
    """One Ray of one CPU for all tests here: its start takes seconds, and so does each worker's."""
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=1, num_gpus=0, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.mark.filterwarnings("ignore::FutureWarning:ray.*", "ignore::ResourceWarning")
def test_ray_gives_the_keys_and_the_numbers_of_inline(local_ray, tmp_path):
    """To the last bit: every file of every entry; and a stage's own error arrives as it was."""
    nodes = graph([(NODES["sft"](RECIPE, 0), 0)])
    files, outcomes, heard = [], [], set()
    for name in ("inline", "ray"):
        store = Store(tmp_path / name)
        store.root.mkdir()
        executor = open_executor(name, store, 2, lambda message: heard.add(message.address))
        try:
            outcomes.append(run([*nodes, BROKEN], store, executor, lambda spec, error: None))
        finally:
            executor.close()
        files.append({address(spec): numbers(store.get(spec)) for spec in nodes})
    assert files[0] == files[1]
    assert outcomes[0].made == outcomes[1].made == set(files[0])
    errors = [outcome.failed[address(BROKEN)] for outcome in outcomes]
    assert [type(error) for error in errors] == [ValueError, ValueError]
    assert str(errors[0]) == str(errors[1])
    assert address(nodes[0]) in heard


def test_a_node_that_does_not_see_the_store_says_so(local_ray, tmp_path):
    executor = open_executor("ray", Store(tmp_path / "elsewhere"), 2, lambda message: None)
    shutil.rmtree(tmp_path / "elsewhere")  # which is here alone
    try:
        error = executor.submit(RECIPE.base).exception(timeout=120)
    finally:
        executor.close()
    assert f"the store {tmp_path / 'elsewhere'} is not shared" in str(error)
    assert "Name a folder that every node sees" in str(error)
