"""A GRPO step: TRL's GRPOTrainer against ours and against a bare PyTorch loop."""

from contextlib import closing
from dataclasses import replace

import pytest

from coupling_bench.pipelines import NODES


@pytest.mark.parametrize(
    ("start", "generations", "gate", "target"),
    [("base", 8, 2.5, None), ("base", 16, 3.0, None), ("sft", 8, 2.5, 4.0), ("sft", 16, 3.0, 5.0)],
)
def test_grpo_step(duel, recipe, checkpoint, tmp_path, start, generations, gate, target):
    """On the embedded model, 64 prompts."""
    node = {"base": "rl", "sft": "sft_then_rl"}[start]
    spec = replace(
        NODES[node](recipe, 0), num_generations=generations, max_steps=10_000, snapshot_every=10_000
    )
    race(
        duel,
        spec,
        checkpoint(start),
        tmp_path,
        name=f"GRPO step, embedded, G={generations}, from {start}",
        gate=gate,
        target=target,
        rounds=9,
    )


def test_grpo_step_of_a_larger_model(duel, larger, tmp_path):
    """25 million parameters, 8 prompts of 56 to 64 tokens, where arithmetic dominates."""
    spec, folder = larger
    race(
        duel,
        spec,
        folder,
        tmp_path,
        name="GRPO step, 25 M parameters, G=16",
        gate=6.0,
        target=12.0,
        rounds=5,
    )


def race(duel, spec, folder, tmp_path, **facts) -> None:
    """Let both trainers and the bare loop take turns at the work of ``spec``."""
    from trl import GRPOTrainer

    from coupling_bench.stages import grpo
    from coupling_bench.stages.training import quiet_libraries
    from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer
    from suites.perf import counting
    from suites.perf.bare import BareGRPO
    from suites.perf.stepping import Stepper

    quiet_libraries()
    rate = counting.matrix_rate(spec.threads)
    bare = BareGRPO(spec, folder)
    floor = counting.operations(bare) / rate

    def arm(kind) -> Stepper:
        return Stepper(
            lambda callbacks: grpo.build(spec, folder, tmp_path, callbacks, kind), spec.threads
        )

    with closing(arm(GRPOTrainer)) as plain, closing(arm(UniqueGRPOTrainer)) as ours:
        duel(
            group="GRPO step",
            plain=plain,
            ours=ours,
            others={"bare_seconds": bare},
            floor_seconds=floor,
            note=f"{spec.prompts_per_step} prompts, answers of at most "
            f"{spec.max_completion_length} tokens, threads: {spec.threads}, fp32.",
            **facts,
        )
