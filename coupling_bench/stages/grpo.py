"""Reinforcement learning from the verifier: TRL's GRPO, on unique work alone.

The shipped tasks' verifier knows the truth and is strict on the format: +1 for the right answer to
the letter, -1 for anything else. Users bring their own (``task.toml``).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.prompting import prompt_texts
from coupling_bench.specs import GRPOSpec, model_of
from coupling_bench.stages.training import (
    Recorder,
    check_lengths,
    common_options,
    load,
    quiet_libraries,
    train,
)
from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer


def run(spec: GRPOSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    recorder = Recorder(spec, folder)
    return train(spec, build(spec, start, folder, [recorder]), recorder, folder, start)


def build(
    spec: GRPOSpec,
    start: Path,
    folder: Path,
    callbacks: list[TrainerCallback],
    kind: type[GRPOTrainer] = UniqueGRPOTrainer,
) -> GRPOTrainer:
    """Return a trainer of ``kind``, ready to train from the checkpoint in ``start``."""
    task = tasks.load(spec.task)
    items = task.splits["rl"]
    model, tokenizer = load(spec, start)
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    rows = [{"prompt": prompt, "item": number} for number, prompt in enumerate(prompts)]
    room = models.context(model, tokenizer) - spec.max_completion_length
    check_lengths(spec, rows, tokenizer, room)

    def verifier(completions, item, trainer_state, **_: Any) -> list[float | None]:
        rewards = task.rewards([items[number] for number in item], completions)
        if not all(math.isfinite(value) for value in rewards):
            raise FloatingPointError(  # TRL would take it for a 0 and train on
                f"{address(spec)} (seed {spec.seed}): the verifier gave a reward that is not "
                f"finite, after step {trainer_state.global_step} of {trainer_state.max_steps}; "
                "training stopped and nothing was stored."
            )
        return [*rewards]

    return kind(
        model=model,
        reward_funcs=verifier,
        args=configure(spec, folder),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def configure(spec: GRPOSpec, folder: Path) -> GRPOConfig:
    """Return TRL's configuration for ``spec``."""
    options = common_options(spec, folder)
    return GRPOConfig(
        **options,
        # One generation a step, whatever the micro-batch: with more steps a generation the later
        # ones would be off-policy.
        steps_per_generation=options["gradient_accumulation_steps"],
        log_completions=False,
    )
