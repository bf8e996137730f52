"""SFT and RL in one optimizer step: GRPO on unique work, and a cross-entropy on demonstrations.

TRL's trainer does all that it does for GRPO; what is added is one term of the loss. Its batch is
known from the number of the step alone, so that a training that was killed goes on with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import TrainerCallback
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.specs import JointSpec, model_of
from coupling_bench.stages import demonstration_order, grpo, online, tokens
from coupling_bench.stages.compact_head import compact_head
from coupling_bench.stages.sharing import processes
from coupling_bench.stages.tokens import Row
from coupling_bench.stages.training import check_lengths, quiet_libraries, train_fitting
from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer


class JointTrainer(UniqueGRPOTrainer):
    """GRPO with a second term in its loss, once ``joint`` and ``demonstrations`` are given."""

    joint: JointSpec
    demonstrations: list[Row]
    """All that there are; a step takes those that stand at its places of the order."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Compute TRL's loss and add the weighted loss of this step's demonstrations."""
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        weight = self.joint.weight(self.state.global_step)
        return loss + weight * self._sft_loss(model) if weight else loss

    def _sft_loss(self, model: Any) -> Tensor | float:
        """Return this micro-batch's part of the step's SFT loss, in nats per label.

        Micro-batches share out the demonstrations, and each divides by the labels of them all: the
        parts add up to the mean of the whole batch, however long its rows are. (A mean of means
        would weigh labels of short rows more, the defect that arXiv:2604.23747 found in trainers.)
        """
        size, pieces = self.joint.sft_batch_size, self.current_gradient_accumulation_steps
        batch = demonstration_order.places(
            len(self.demonstrations),
            seed=self.joint.sft_seed,
            begin=self.joint.sft_begin + self.state.global_step * size,
            count=size,
        )
        rows = [self.demonstrations[place] for place in batch]
        labels = sum(label != -100 for row in rows for label in row["labels"][1:])
        piece = rows[self._step % pieces :: pieces]
        if not piece:  # there are more micro-batches than demonstrations
            return 0.0
        laid = DataCollatorForLanguageModeling(self._tokenizer.pad_token_id)(piece)
        inputs = {name: values.to(self.accelerator.device) for name, values in laid.items()}
        with compact_head():
            outputs = model(**inputs, num_items_in_batch=labels, fused_lm_head=True)
        self._metrics["train"]["sft_loss"].append(outputs.loss.item() * pieces)
        return outputs.loss


def run(spec: JointSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(
    spec: JointSpec, start: Path, folder: Path, callbacks: list[TrainerCallback]
) -> JointTrainer:
    """Return a trainer, ready to train from the checkpoint in ``start``."""
    check(spec)
    trainer = online.build(spec, start, callbacks, JointTrainer, grpo.configure(spec, folder))
    tokenizer, task = trainer.processing_class, tasks.load(spec.task)
    answered = tokens.of_answers(tokenizer, model_of(spec), spec.task, "sft", True)
    demonstrated = task.demonstrations("sft", spec.sft_seed)
    trainer.joint = spec
    trainer.demonstrations = [
        of_item[answer] for of_item, answer in zip(answered, demonstrated, strict=True)
    ]
    limit = models.context(trainer.model, tokenizer)
    check_lengths(spec, trainer.demonstrations, tokenizer, limit)
    return trainer


def check(spec: JointSpec) -> None:
    """Refuse what the SFT term would be computed wrongly with.

    Raises:
        ValueError: saying what is needed instead.
    """
    if spec.temperature != 1.0:
        raise ValueError(
            f"{address(spec)}: temperature is {spec.temperature}, and TRL's head would divide the "
            "SFT term's logits by it too. Train jointly at temperature 1."
        )
    if processes() > 1:
        raise ValueError(
            f"{address(spec)}: {processes()} processes are to share a joint stage, whose "
            "demonstrations are not shared out. Leave --accelerate-config out."
        )
