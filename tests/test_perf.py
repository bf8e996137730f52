"""Benchmarks: counting against closed forms, files, and claims that run without them."""

from contextlib import closing

import pytest
import torch

from coupling_bench import perf, stages
from coupling_bench.pipelines import NODES
from coupling_bench.report import measured
from coupling_bench.stages import grpo
from coupling_bench.store import Store
from suites.perf import counting
from suites.perf.stepping import Stepper
from tests import commands
from tests.tiny import recipe

FACTS = {
    "name": "a step", "group": "steps", "ours_peak_bytes": 50, "plain_peak_bytes": 100,
    "gate": 2.0, "target": 4.0, "rounds": 3, "bare_seconds": 0.5, "floor_seconds": None,
}  # fmt: skip


@pytest.mark.parametrize(("ours", "passed"), [(1.0, True), (1.5, True), (1.6, False)])
def test_a_benchmark_passes_where_its_ratio_reaches_its_gate(ours, passed):
    duel = perf.Duel(plain_seconds=3.0, ours_seconds=ours, **FACTS)
    assert duel.ratio == pytest.approx(3.0 / ours)
    assert duel.passed is passed


def test_the_table_shows_ratio_gate_and_shares():
    line = perf.lines([perf.Duel(plain_seconds=3.0, ours_seconds=1.0, **FACTS)])[1]
    assert line.split("  ")[0] == "a step"
    assert line.split()[2:] == ["3.000", "s", "1.000", "s", "3.0x", "2x", "4x", "50%", "50%", "-"]


def test_what_is_written_is_what_the_report_reads(tmp_path):
    duel = perf.Duel(plain_seconds=3.0, ours_seconds=1.0, **FACTS)
    point = perf.Point(axis="G", x=8, what="a step", ours_seconds=0.1, plain_seconds=None)
    perf.write([duel], [point], tmp_path)
    [entry] = measured.read(tmp_path / perf.PERF)
    assert (entry["name"], entry["ratio"], entry["passed"]) == ("a step", 3.0, True)
    assert measured.read(tmp_path / perf.SCALING)[0]["x"] == 8
    perf.write([], [], tmp_path)
    assert measured.read(tmp_path / perf.PERF) == [entry]


def test_operations_of_a_product_are_two_a_multiplication():
    a, b = torch.randn(8, 32), torch.randn(32, 5)
    assert counting.operations(lambda: a @ b) == 2 * 8 * 32 * 5


def test_peak_bytes_are_what_is_alive_at_once():
    """Two of three equal tensors are alive together, whatever was freed before."""

    def work():
        first = torch.ones(1000)
        second = first + 1
        del first
        return second * 2

    assert 2 * 4000 <= counting.peak_bytes(work) < 2 * 4000 + 500


def test_stepping_trains_as_training_does(tmp_path):
    """The same weights to the bit, and its peak is counted in the thread that trains."""
    store = Store(tmp_path / "store")
    spec = NODES["rl"](recipe(), 0)
    expected = stages.make(recipe().base, store)[0].folder
    whole = grpo.build(spec, expected, tmp_path, [])
    whole.train()
    with closing(
        Stepper(lambda callbacks: grpo.build(spec, expected, tmp_path, callbacks), threads=1)
    ) as stepped:
        stepped()
        assert stepped.peak_bytes() > 10_000
        ends = [
            torch.cat([p.detach().flatten() for p in each.model.parameters()])
            for each in (whole, stepped.trainer)
        ]
    assert spec.max_steps == 2
    assert torch.equal(*ends)


@pytest.mark.parametrize(("path", "found"), [("suites", False), ("suites/perf", True)])
def test_benchmarks_are_collected_where_they_are_asked_for(path, found):
    done = commands.run("pytest", path, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    assert ("test_grpo_step" in done.stdout) is found
    assert ("test_rl_after_sft" in done.stdout) is not found
