"""Plans: what a run's missing nodes need together, in a line, and what cannot work at all."""

import itertools
from dataclasses import replace

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.graph import graph
from coupling_bench.pipelines import NODES
from coupling_bench.planning import Load, Plan, Shape, footprint, plan, work
from coupling_bench.specs import ImportSpec, ObservationSpec, TrainingSpec, model_of
from tests import architectures, tiny

SHAPE = Shape(
    parameters=10**9, multiplied=10**9, weights=2 * 10**9, trained=2 * 10**9, head=0, layers=20,
    hidden=1024, vocabulary=50_000, element=2, cached_per_token=100_000, saved=0,
    saved_per_token=2e6, saved_per_token_pair=0,
)  # fmt: skip
"""A billion parameters in 16 bit."""
LOAD = Load(prompt_tokens=300, answer_tokens=100, longest=500, rows=6_400)
GIB = 2**30


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A base from elsewhere on CUDA, two stages of two seeds, and what is observed of them."""
    recipe = tiny.imported(
        architectures.save("llama", tmp_path_factory.mktemp("model")), device="cuda"
    )
    return graph((NODES[name](recipe, seed), seed) for name in ("sft", "rl") for seed in (0, 1))


def planned(nodes, gib, rate=1e14):
    return plan(
        nodes,
        rate=lambda device, dtype: rate if dtype == "bfloat16" else rate / 4,
        free=lambda device: gib * GIB,
        load=lambda spec: Load() if isinstance(spec, ImportSpec) else LOAD,
        shape=lambda model, **_: SHAPE,
    )


def test_a_plan_is_the_sum_of_its_nodes(nodes):
    """Training at the rate of its type and observing in fp32; importing takes nothing."""
    found = planned(nodes, 80)
    expected = 0.0
    for spec, entry in zip(nodes, found.nodes, strict=True):
        assert entry.address == address(spec)
        if isinstance(spec, TrainingSpec):
            settled = replace(spec, micro_batch=entry.micro_batch)
            expected += work(settled, SHAPE, LOAD).seconds(SHAPE, 1e14 if spec.bf16 else 1e14 / 4)
            assert entry.memory == footprint(settled, SHAPE, 500, entry.micro_batch).total
            assert entry.memory <= 0.85 * 80 * GIB
        elif isinstance(spec, ObservationSpec):
            expected += work(spec, SHAPE, LOAD).seconds(SHAPE, 1e14 / 4)
    assert found.seconds == pytest.approx(expected)
    assert plan([]).seconds == 0


def test_the_line_says_stages_time_device_and_the_largest(nodes):
    found = planned(nodes, 80)
    largest = max(node.memory for node in found.nodes) / GIB
    line = found.line(lambda device: {"cuda": "NVIDIA H100"}[device])
    assert line.startswith("planned: 4 stages, about ")
    assert line.endswith(f" on NVIDIA H100, largest {largest:.2g} GiB")
    hours = planned(nodes, 80, rate=1e10)
    assert f"{hours.seconds / 3600:.1f} h on" in hours.line(str)
    assert Plan(nodes=()).line() == "planned: nothing to train"


def test_less_memory_means_fewer_rows_then_checkpointing_then_an_error(nodes):
    """Before anything is trained."""
    rows = [
        [(n.micro_batch, n.gradient_checkpointing) for n in planned(nodes, gib).nodes if n.memory]
        for gib in (500, 80, 14)
    ]
    for wide, narrow in itertools.pairwise(rows):
        assert all(a[0] >= b[0] or b[1] for a, b in zip(wide, narrow, strict=True))
    assert not any(checkpointing for _, checkpointing in rows[0])
    assert all(checkpointing for _, checkpointing in rows[2])
    with pytest.raises(ValueError, match="one row of 500 tokens needs about"):
        planned(nodes, 4)


def test_on_a_cpu_the_whole_batch_is_computed_at_once():
    """As the stages do where nothing is said; the embedded model's plan from beginning to end."""
    recipe = tiny.recipe()
    stages = graph([(NODES["sft_then_rl"](recipe, 0), 0)])
    found = plan(stages, rate=lambda *_: 1e10, free=lambda _: 0)
    assert {model_of(spec).device for spec in stages} == {"cpu"}
    assert [n.micro_batch for n in found.nodes if n.memory] == [16, 16, 16]
    assert found.line().startswith("planned: 3 stages, about ")
    assert " s on the CPU, largest 0." in found.line()
