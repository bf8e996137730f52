"""On a GPU the rows that go through the model at a time follow from its free memory.

No GPU is needed to see that: the spec says cuda, and what would go there stays where it is.
"""

import dataclasses

import pytest
import torch

from coupling_bench import models, planning, stages
from coupling_bench.pipelines import NODES
from coupling_bench.specs import model_of
from coupling_bench.stages import sft, training
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()


@pytest.fixture
def on_a_gpu(tmp_path, monkeypatch):
    """An SFT spec on cuda, and the folder of the base that it starts from, which is on a CPU."""
    base, _ = stages.make(RECIPE.base, Store(tmp_path / "store"))
    load = models.load
    monkeypatch.setattr(
        models, "load", lambda f, m=None, **o: load(f, m and dataclasses.replace(m, device="cpu"))
    )
    start = dataclasses.replace(
        RECIPE.base, start=dataclasses.replace(RECIPE.base.start, device="cuda")
    )
    spec = dataclasses.replace(NODES["sft"](RECIPE, 0), start=start, adam_epsilon=1e-3)
    assert model_of(spec).device == "cuda"
    return spec, base.folder


def train(spec, start, folder, build=sft.build):
    folder.mkdir()
    facts = training.train_fitting(spec, build, start, folder)
    model, _ = models.load(folder)
    return facts, torch.cat([p.detach().flatten() for p in model.parameters()])


def test_fewer_rows_at_a_time_where_memory_is_short_and_the_same_model(
    on_a_gpu, tmp_path, monkeypatch
):
    spec, start = on_a_gpu
    ends = {}
    for free in (2**40, 40 * 2**20):
        monkeypatch.setattr(planning, "free_bytes", lambda device, free=free: free)
        facts, weights = train(spec, start, tmp_path / str(free))
        ends[facts["micro_batch"]] = weights
    assert max(ends) == spec.rows_per_step > min(ends)
    whole, pieces = ends[max(ends)], ends[min(ends)]
    assert (whole - pieces).norm() < 1e-4 * whole.norm()


def test_a_device_that_runs_out_of_memory_after_all_is_given_less(on_a_gpu, tmp_path, monkeypatch):
    """The whole training is begun anew, and ends as if the smaller batch had been chosen first."""
    spec, start = on_a_gpu
    monkeypatch.setattr(planning, "free_bytes", lambda device: 2**40)
    tried = []

    def build(fitted, *others):
        tried.append(fitted.micro_batch)
        if fitted.micro_batch > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return sft.build(fitted, *others)

    facts, weights = train(spec, start, tmp_path / "lowered", build)
    assert tried == [16, 8, 4]
    assert facts["micro_batch"] == 4
    chosen = dataclasses.replace(spec, micro_batch=4)
    assert torch.equal(weights, train(chosen, start, tmp_path / "chosen")[1])


def test_gradient_checkpointing_changes_the_memory_and_not_the_model(
    on_a_gpu, tmp_path, monkeypatch
):
    spec, start = on_a_gpu
    monkeypatch.setattr(planning, "free_bytes", lambda device: 2**40)
    ends = [
        train(dataclasses.replace(spec, micro_batch=16, gradient_checkpointing=kept), start, f)[1]
        for kept, f in ((False, tmp_path / "kept"), (True, tmp_path / "again"))
    ]
    assert (ends[0] - ends[1]).norm() < 1e-4 * ends[0].norm()
