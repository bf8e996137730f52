"""Work of a chosen size: models of any shape that have learnt to answer prompts of any length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from coupling_bench import models, tasks
from coupling_bench.specs import GRPOSpec, ModelSpec, SFTSpec
from coupling_bench.stages import sft


def answering(
    spec: GRPOSpec, shape: ModelSpec, prompt_tokens: int, folder: Path
) -> tuple[GRPOSpec, Path]:
    """Return ``spec`` on longer prompts, and a checkpoint of ``shape`` that answers them.

    Random weights would answer with noise, of which no two completions are alike. Sixteen steps of
    SFT teach the form of an answer, and little more.

    Args:
        spec: of RL.
        shape: of the model.
        prompt_tokens: of the shortest prompt; the longest has seven more.
        folder: where the checkpoint goes.
    """
    task = replace(spec.task, pretraining_size=2_000, prompts_size=128)
    plain = tasks.load(task)
    texts = [item.text for item in plain.splits["pretraining"]]
    tokenizer = models.new_tokenizer(shape, [*texts, *task.answers])
    shortest = min(len(tokenizer(plain.prompt(item))["input_ids"]) for item in plain.splits["rl"])
    before, room = "", prompt_tokens - shortest
    for word in " ".join(texts[:50]).split():  # sentences stand before each prompt
        if len(tokenizer(f"{before}{word} ")["input_ids"]) <= room + 1:  # the last space joins on
            before += f"{word} "
    task = replace(task, prompt_template=before + "{sentence}\n")
    start = folder / "random"
    start.mkdir(parents=True)
    models.save(models.new_model(shape, tokenizer, seed=0), tokenizer, start)
    taught = SFTSpec(
        start=shape,
        task=task,
        snapshot_every=10_000,
        learning_rate=1e-3,
        batch_size=8,
        num_train_epochs=1,
        max_length=shape.max_position_embeddings,
        threads=spec.threads,
    )
    end = folder / "answering"
    end.mkdir()
    torch.set_num_threads(spec.threads)
    sft.run(taught, start, end)
    return replace(spec, start=taught, task=task), end
