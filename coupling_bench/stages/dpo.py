"""Preferences of the verifier: TRL's DPO on pairs of a rewarded and a less rewarded answer.

The loss of a pair is -log sigmoid(beta * (log pi(chosen)/ref(chosen) - log pi(rejected)/
ref(rejected))), with the starting policy as reference (Rafailov et al., arXiv:2305.18290).
``preferences.py`` says where the pairs come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer

from coupling_bench import models, tasks
from coupling_bench.prompting import prompt_texts
from coupling_bench.specs import DPOSpec, model_of
from coupling_bench.stages import preferences, tokens
from coupling_bench.stages.compact_head import compact_head
from coupling_bench.stages.training import (
    check_lengths,
    common_options,
    load,
    quiet_libraries,
    train_fitting,
)


class TokenisedDPOTrainer(DPOTrainer):
    """TRL's DPOTrainer for rows that are tokens already."""

    def _prepare_dataset(self, dataset, *args: Any, **kwargs: Any):
        """Leave the rows as they are."""
        return dataset

    def compute_loss(self, *args: Any, **kwargs: Any):
        """Compute TRL's loss, and project on the vocabulary only where there is a label."""
        with compact_head():
            return super().compute_loss(*args, **kwargs)


def run(spec: DPOSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(spec: DPOSpec, start: Path, folder: Path, callbacks: list[TrainerCallback]) -> DPOTrainer:
    """Return a trainer, ready to train from the checkpoint in ``start``."""
    task = tasks.load(spec.task)
    items = task.splits["rl"]
    model, tokenizer = load(spec, start)
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    found = preferences.pairs(
        task,
        items,
        spec.seed,
        lambda: preferences.sampled(
            model, tokenizer, prompts, max_new_tokens=spec.max_completion_length, seed=spec.seed
        ),
    )
    asked = [prompts[pair.place] for pair in found]
    chosen = tokens.of_completions(tokenizer, asked, [pair.chosen for pair in found], True)
    rejected = tokens.of_completions(tokenizer, asked, [pair.rejected for pair in found], True)
    limit = min(spec.max_length, models.context(model, tokenizer))
    check_lengths(spec, [*chosen, *rejected], tokenizer, limit)
    rows = [pair_row(*both) for both in zip(chosen, rejected, strict=True)]
    return TokenisedDPOTrainer(
        model=model,
        # With adapters TRL keeps a copy of them. Without, it would look for the start by itself,
        # and leave out adapters that have just become part of the weights.
        ref_model=None if spec.lora is not None else load(spec, start)[0],
        args=configure(spec, folder),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def pair_row(chosen: tokens.Row, rejected: tokens.Row) -> dict[str, list[int]]:
    """Return two answers to one prompt as TRL's columns; they part where the first label is."""
    begin = min(row["labels"].count(-100) for row in (chosen, rejected))
    return {
        "prompt_ids": chosen["input_ids"][:begin],
        "chosen_ids": chosen["input_ids"][begin:],
        "rejected_ids": rejected["input_ids"][begin:],
    }


def configure(spec: DPOSpec, folder: Path) -> DPOConfig:
    """Return TRL's configuration for ``spec``."""
    return DPOConfig(**common_options(spec, folder))
