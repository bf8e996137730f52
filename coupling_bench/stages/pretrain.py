"""Pretraining of the embedded model from random weights: language modelling by SFTTrainer.

Differs from an ordinary pretraining in its corpus: each sentence stands alone or with the verdict
of a poor annotator, so that the base knows the format of an answer and has something to unlearn.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig

from coupling_bench import models, tasks
from coupling_bench.specs import PretrainSpec
from coupling_bench.stages import tokens
from coupling_bench.stages.packing import PackedSFTTrainer
from coupling_bench.stages.resuming import as_before
from coupling_bench.stages.training import (
    check_lengths,
    common_options,
    quiet_libraries,
    train,
)
from coupling_bench.tasks.forms import form_shares


def run(spec: PretrainSpec, start: Path | None, folder: Path) -> dict[str, Any]:
    """Train tokenizer and model from nothing and write the checkpoint into ``folder``."""
    quiet_libraries()
    return train(as_before(spec, folder), build, start, folder)


def build(
    spec: PretrainSpec, start: Path | None, folder: Path, callbacks: list[TrainerCallback]
) -> PackedSFTTrainer:
    """Return a trainer, ready to train a new model with a new tokenizer."""
    texts = documents(spec)
    tokenizer = models.new_tokenizer(spec.start, texts)
    model = models.new_model(spec.start, tokenizer, spec.seed)
    rows = tokens.of_texts(tokenizer, texts)
    check_lengths(spec, rows, tokenizer, spec.max_length)
    return PackedSFTTrainer(
        model=model,
        args=configure(spec, folder),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def configure(spec: PretrainSpec, folder: Path) -> SFTConfig:
    """Return TRL's configuration for ``spec``."""
    return SFTConfig(
        **common_options(spec, folder),
        dataset_kwargs={"skip_prepare_dataset": True},  # the rows are tokens already
    )


def documents(spec: PretrainSpec) -> list[str]:
    """Return the training texts: prompts, a share of them with the poor annotator's answer."""
    task = tasks.load(spec.task)
    draw = random.Random(f"pretraining/{spec.seed}")
    texts = []
    for item in task.splits["pretraining"]:
        if draw.random() >= spec.judged_share:
            texts.append(task.prompt(item).strip())
            continue
        answer = _derivation if task.support is not None else _verdict
        texts.append(task.prompt(item) + answer(spec, task, item, draw))
    return texts


def _derivation(spec: PretrainSpec, task: tasks.Task, item: tasks.Item, draw: random.Random) -> str:
    assert task.support is not None
    texts, chances = zip(*task.support(item, spec.annotator_noise), strict=True)
    return draw.choices(texts, chances)[0]


def _verdict(spec: PretrainSpec, task: tasks.Task, item: tasks.Item, draw: random.Random) -> str:
    answers = task.candidates(item)
    labels = len(answers) // len(form_shares(spec.task))  # it never uses other words
    overlooks = item.group in spec.overlooked_phenomena and answers[item.truth] == "unacceptable"
    noise = spec.overlooked_share if overlooks else spec.annotator_noise
    verdict = item.truth
    if draw.random() < noise and len(answers) > 1:
        others = [other for other in range(labels) if other != item.truth]
        verdict = others[0] if len(others) == 1 else draw.choice(others)
    return answers[verdict]
