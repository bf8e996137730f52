"""An epoch of SFT, from the text of its rows to the last optimizer step."""

from dataclasses import replace

import pytest

from coupling_bench.pipelines import NODES


@pytest.mark.parametrize("seed", ["first", "further"])
def test_sft_epoch(duel, recipe, checkpoint, tmp_path, seed):
    """On the embedded model, 8,000 rows in batches of 32; a further seed finds its tokens."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from coupling_bench import models, tasks
    from coupling_bench.stages import sft, tokens
    from coupling_bench.stages.training import common_options, quiet_libraries

    quiet_libraries()
    torch.set_num_threads(1)
    spec = replace(NODES["sft"](recipe, 0), num_train_epochs=1, snapshot_every=10_000)
    start = checkpoint("base")

    def plain() -> None:
        model, tokenizer = models.load(start)
        task = tasks.load(spec.task)
        demonstrated = task.demonstrations("sft", spec.seed)
        rows = [
            {"prompt": task.prompt(item), "completion": spec.task.answers[answer]}
            for item, answer in zip(task.splits["sft"], demonstrated, strict=True)
        ]
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**common_options(spec, tmp_path), shuffle_dataset=False),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()

    def ours() -> None:
        if seed == "first":
            tokens.forget()
        trainer = sft.build(spec, start, tmp_path, [])
        trainer.remove_callback(PrinterCallback)
        trainer.train()

    duel(
        name=f"SFT epoch, embedded, {seed} seed",
        group="SFT epoch",
        plain=plain,
        ours=ours,
        gate=1.2,
        target=1.5,
        rounds=3,
        memory=seed == "first",
        note=f"{len(tasks.load(spec.task).splits['sft'])} rows, batches of {spec.batch_size}, "
        "threads: 1, fp32, preparation of the rows included.",
    )
