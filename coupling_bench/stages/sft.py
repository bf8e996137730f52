"""Supervised fine-tuning on the demonstrators' answers, by TRL's SFTTrainer without padding.

The loss is the cross-entropy of the answer and its end of sequence, never of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.prompting import prompt_texts
from coupling_bench.specs import ScheduledSFTSpec, SFTSpec, model_of
from coupling_bench.stages import defects, demonstration_order, likely, own_answers, tokens
from coupling_bench.stages.packing import PackedSFTTrainer
from coupling_bench.stages.training import (
    check_lengths,
    common_options,
    load,
    quiet_libraries,
    train_fitting,
)


def run(spec: SFTSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(
    spec: SFTSpec, start: Path, folder: Path, callbacks: list[TrainerCallback]
) -> PackedSFTTrainer:
    """Return a trainer, ready to train from the checkpoint in ``start``."""
    task = tasks.load(spec.task)
    model, tokenizer = load(spec, start)

    demonstrated = defects.demonstrated(spec, demonstrations(spec, task, model, tokenizer))
    answered = tokens.of_answers(
        tokenizer, model_of(spec), spec.task, "sft", spec.completion_only_loss
    )
    rows = [of_item[answer] for of_item, answer in zip(answered, demonstrated, strict=True)]
    limit = min(spec.max_length, models.context(model, tokenizer))
    check_lengths(spec, rows, tokenizer, limit)
    labelled = defects.labelled(spec, rows)
    trained_on = in_schedule(spec, labelled, task, model, tokenizer, demonstrated)
    return PackedSFTTrainer(
        model=model,
        args=configure(spec, folder),
        train_dataset=Dataset.from_list(list(trained_on)),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def annotators_seed(spec: SFTSpec) -> int:
    """Return the seed that draws one annotator's answer a prompt.

    It is the seed of the run, so that seeds differ in their demonstrations as well as in the order
    of the data. SFT that goes on from SFT on the same task sees the same demonstrations, and its
    own seed orders them alone.
    """
    start = spec.start
    if isinstance(start, SFTSpec) and start.task == spec.task:
        return annotators_seed(start)
    return spec.seed


def demonstrations(spec: SFTSpec, task: tasks.Task, model: Any, tokenizer: Any) -> list[int]:
    """Return one demonstrated answer a prompt, an index into its candidates.

    Annotators answer, or the policy in ``model`` does.

    Raises:
        ValueError: the policy is to demonstrate, and its answers are no closed set.
    """
    if spec.demonstrator == "annotators":
        return task.demonstrations("sft", annotators_seed(spec))
    if spec.task.answers is None:
        raise ValueError(
            f"{address(spec)}: the policy that it starts from is to demonstrate, which needs a "
            f"closed set of answers; those of {spec.task.name} are open. Leave demonstrator as it "
            "is, or give the task its answers."
        )
    items = task.splits["sft"]
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    answers = [task.candidates(item) for item in items]
    return own_answers.draw(model, tokenizer, prompts, answers, seed=spec.seed)


def in_schedule(
    spec: SFTSpec,
    rows: Sequence[Any],
    task: tasks.Task,
    model: Any,
    tokenizer: Any,
    answers: Sequence[int],
) -> Sequence[Any]:
    """Return the rows that a stage trains on: all, or those of exactly its steps in a schedule.

    Args:
        spec: of the stage.
        rows: one a prompt.
        task: its prompts.
        model: the policy that training starts from.
        tokenizer: the model's.
        answers: each prompt's demonstration, an index into its candidates.
    """
    if not isinstance(spec, ScheduledSFTSpec):
        return rows
    kept = list(range(len(rows)))
    if spec.likely_share < 1.0:
        items = task.splits["sft"]
        prompts = prompt_texts(model_of(spec), tokenizer, task, items)
        texts = [task.candidates(item)[a] for item, a in zip(items, answers, strict=True)]
        kept = likely.places(model, tokenizer, prompts, texts, spec.likely_share)
    count = spec.max_steps * spec.batch_size
    order = demonstration_order.places(len(kept), seed=spec.seed, begin=spec.begin, count=count)
    return [rows[kept[place]] for place in order]


def configure(spec: SFTSpec, folder: Path) -> SFTConfig:
    """Return TRL's configuration for ``spec``."""
    return SFTConfig(
        **common_options(spec, folder),
        shuffle_dataset=False,
        dataset_kwargs={"skip_prepare_dataset": True},  # the rows are tokens already
    )
