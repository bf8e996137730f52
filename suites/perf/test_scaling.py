"""How cost grows with seeds, claims, G, the length of prompts and the size of the model."""

import statistics
import time
from contextlib import closing
from dataclasses import replace

import pytest

from coupling_bench.perf import Point
from suites.perf import counting


def test_cost_grows_with_seeds(curve, recipe):
    """A seed costs its own stages; the base is trained once for all of them."""
    from suites.perf import running

    work = running.short(recipe)
    running.cold(work, running.CLAIMS, 1)
    seconds = {
        n: counting.seconds(lambda n=n: running.cold(work, running.CLAIMS, n)) for n in (1, 2, 4)
    }
    curve([point("seeds", n, "a cold run of four claims", s) for n, s in seconds.items()])
    assert seconds[4] < 4 * seconds[1]


def test_a_claim_that_reuses_stages_costs_no_training(curve, recipe):
    """The second and the fourth claim compare stages that the others have trained already."""
    from suites.perf import running

    work = running.short(recipe)
    running.cold(work, running.CLAIMS, 1)
    made, points = {}, []
    for n in range(1, len(running.CLAIMS) + 1):
        begun = time.perf_counter()
        made[n] = running.cold(work, running.CLAIMS[:n], 1)
        points.append(point("claims", n, "a cold run of one seed", time.perf_counter() - begun))
    curve(points)
    assert made[2] == made[1]
    assert made[4] == made[3] > made[2]


@pytest.mark.parametrize("axis", ["G", "prompt length", "parameters"])
def test_a_grpo_step_costs_less_than_trls_wherever_it_grows(curve, recipe, tmp_path, axis):
    """16 prompts; one thread; each point a model that has learnt to answer."""
    from trl import GRPOTrainer

    from coupling_bench.stages import grpo
    from coupling_bench.stages.training import quiet_libraries
    from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer
    from suites.perf.stepping import Stepper
    from suites.perf.workloads import answering

    quiet_libraries()
    points = []
    for x, work in workloads(axis, recipe).items():
        spec, folder = answering(**work, folder=tmp_path / f"{x}")

        def arm(kind, spec=spec, folder=folder) -> Stepper:
            return Stepper(
                lambda callbacks: grpo.build(spec, folder, tmp_path, callbacks, kind), threads=1
            )

        with closing(arm(GRPOTrainer)) as plain, closing(arm(UniqueGRPOTrainer)) as ours:
            rounds = [(counting.seconds(plain), counting.seconds(ours)) for _ in range(6)][
                1:
            ]  # the first warms up
        theirs, own = (statistics.median(arm_times) for arm_times in zip(*rounds, strict=True))
        points.append(point(axis, x, "a GRPO step", own, plain=theirs))
    curve(points)
    assert all(p.ours_seconds < p.plain_seconds for p in points)
    growth = [(p.ours_seconds, p.plain_seconds) for p in (points[0], points[-1])]
    if axis != "parameters":  # both arms grow alike with the model
        assert growth[1][0] / growth[0][0] < growth[1][1] / growth[0][1]


def workloads(axis, recipe):
    """Return what to run at each point of an axis."""
    spec = replace(recipe.rl, prompts_per_step=16, max_steps=10_000, snapshot_every=10_000)
    shape = recipe.base.start
    sizes = {
        width: {"hidden_size": width, "intermediate_size": 3 * width} for width in (48, 96, 192)
    }
    sizes[384] = {"hidden_size": 384, "intermediate_size": 1152, "num_hidden_layers": 4}
    if axis == "G":
        return {
            g: {"spec": replace(spec, num_generations=g), "shape": shape, "prompt_tokens": 16}
            for g in (2, 4, 8, 16, 32)
        }
    if axis == "prompt length":
        return {n: {"spec": spec, "shape": shape, "prompt_tokens": n} for n in (8, 16, 32, 64, 128)}
    return {
        parameters(replace(shape, **size)): {
            "spec": spec,
            "shape": replace(shape, initializer_range=0.02, **size),
            "prompt_tokens": 16,
        }
        for size in sizes.values()
    }


def parameters(shape):
    """Return the number of weights of a model to two digits, its embedding left out."""
    attention = 2 * shape.head_dim * (shape.num_attention_heads + shape.num_key_value_heads)
    per_layer = shape.hidden_size * (attention + 3 * shape.intermediate_size)
    return float(f"{shape.num_hidden_layers * per_layer:.2g}")


def point(axis, x, what, seconds, plain=None):
    """Return a point of a curve."""
    return Point(axis=axis, x=x, what=what, ours_seconds=seconds, plain_seconds=plain)
