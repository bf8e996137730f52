"""SFT with PEAR's importance weights, by TRL's SFTTrainer: each token's loss times its weight.

The loss stays TRL's own: the sum over response tokens, divided by their number in the batch. So
weights of 1 are plain SFT, and a mean weight below 1 is a shorter step, which is what the controls
are for. The formulas are second-hand (``specs.pear``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import TrainerCallback

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.specs import PEARSpec, model_of
from coupling_bench.stages import sft, tokens
from coupling_bench.stages.demonstrator_logps import NO_LABEL, conditionals
from coupling_bench.stages.importance import log_weights
from coupling_bench.stages.packing import PackedSFTTrainer
from coupling_bench.stages.sharing import processes
from coupling_bench.stages.training import check_lengths, load, quiet_libraries, train_fitting


def run(spec: PEARSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(
    spec: PEARSpec, start: Path, folder: Path, callbacks: list[TrainerCallback]
) -> PEARTrainer:
    """Return a trainer, ready to train from the checkpoint in ``start``."""
    check(spec)
    task = tasks.load(spec.task)
    model, tokenizer = load(spec, start)
    demonstrated = sft.demonstrations(spec, task, model, tokenizer)
    answered = tokens.of_answers(tokenizer, model_of(spec), spec.task, "sft", True)
    rows = [
        {**of_item[answer], "demonstrator_logps": conditionals(of_item, p_d, answer)}
        for of_item, answer, p_d in zip(
            answered, demonstrated, task.demonstrated("sft"), strict=True
        )
    ]
    check_lengths(spec, rows, tokenizer, min(spec.max_length, models.context(model, tokenizer)))
    trained_on = sft.in_schedule(spec, rows, task, model, tokenizer, demonstrated)
    return PEARTrainer(
        spec=spec,
        model=model,
        args=sft.configure(spec, folder),
        train_dataset=Dataset.from_list(list(trained_on)),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def check(spec: PEARSpec) -> None:
    """Refuse what PEAR's weights are not defined for, or what would not be computed.

    Raises:
        ValueError: saying what is needed instead.
    """
    if not tasks.optimal_loss_is_known(spec.task) or spec.demonstrator != "annotators":
        raise ValueError(
            f"{address(spec)}: PEAR weights tokens by the demonstrators' probability of each, "
            f"which is not known of those of {spec.task.name}. Take a task that is generated with "
            "its annotators: --task grammar or --task arithmetic."
        )
    if spec.planted is not None or not spec.completion_only_loss:
        raise ValueError(
            f"{address(spec)}: PEAR weights the tokens of responses as they were demonstrated. "
            "Leave planted and completion_only_loss as they are."
        )
    whole = spec.micro_batch in (None, spec.batch_size) and processes() == 1
    if spec.weights != "pear" and not whole:
        raise ValueError(
            f"{address(spec)}: the {spec.weights} control needs the weights of a whole batch of "
            f"{spec.batch_size} rows at once. Train it on one device, and leave micro_batch as "
            "it is."
        )


class Placing:
    """A collator's batch with the demonstrators' log-probabilities, and where each token lies.

    Rows are laid out by another collator, TRL's or the packing one. It is asked twice, the second
    time with running numbers for labels: they say where it has put which.
    """

    def __init__(self, lay: Callable[[Any], Any]):
        """Lay out rows by ``lay``."""
        self.lay = lay

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the batch with ``places``, as labels are, and ``demonstrator_logps``, padded."""
        plain = [{name: e[name] for name in ("input_ids", "labels")} for e in examples]
        count, numbered = 0, []
        for row in plain:
            labels = [NO_LABEL] * len(row["labels"])
            for place, label in enumerate(row["labels"]):
                if label != NO_LABEL:
                    labels[place], count = count, count + 1
            numbered.append({"input_ids": row["input_ids"], "labels": labels})
        laid = self.lay(numbered)
        places = laid["packed_labels"] if "packed_labels" in laid else laid["labels"][:, 1:]
        logps = [torch.tensor(e["demonstrator_logps"], dtype=torch.double) for e in examples]
        padded = pad_sequence(logps, batch_first=True, padding_value=torch.nan)
        return self.lay(plain) | {"places": places, "demonstrator_logps": padded}


class PEARTrainer(PackedSFTTrainer):
    """SFT without padding whose tokens have weights."""

    def __init__(self, *args: Any, spec: PEARSpec, **kwargs: Any):
        """Prepare the trainer; ``spec`` says how tokens are weighted."""
        super().__init__(*args, **kwargs)
        self.spec = spec
        self.rate = 1.0
        self.data_collator = Placing(self.data_collator)
        self.args.remove_unused_columns = False  # the model's inputs are not all that is needed
        if spec.weights == "learning_rate":
            self.add_callback(_Rate(self))

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Compute the loss as for SFT, of log-probabilities that are multiplied by their weights.

        They reach TRL in the model's output, so that all else of the loss is TRL's.
        """
        places, demonstrator = inputs.pop("places"), inputs.pop("demonstrator_logps")

        def weighted(**options: Any) -> Any:
            outputs = model(**options)
            if outputs.log_probs is not None:
                weights = self.weigh(outputs.log_probs.detach(), places, demonstrator)
                outputs.log_probs = outputs.log_probs * weights
            return outputs

        return super().compute_loss(weighted, inputs, return_outputs, num_items_in_batch)

    def weigh(self, logps: Tensor, places: Tensor, demonstrator: Tensor) -> Tensor:
        """Return the weights of a batch, laid out as ``logps``; 1 where there is no label."""
        mask = ~demonstrator.isnan()
        labelled = places != NO_LABEL
        in_order = torch.empty(int(mask.sum()), dtype=torch.double, device=logps.device)
        in_order[places[labelled]] = logps[labelled].double()
        policy = torch.zeros_like(demonstrator).masked_scatter(mask, in_order)
        logs = log_weights(policy, demonstrator.nan_to_num(), mask, self.spec)
        found = logs[mask].exp()
        self._metrics["train"]["weight_mean"].append(found.mean().item())
        self._metrics["train"]["log_weight_spread"].append(logs[mask].std(correction=0).item())
        weights = torch.ones_like(logps)
        weights[labelled] = self.used(found)[places[labelled]].to(logps.dtype)
        return weights

    def used(self, weights: Tensor) -> Tensor:
        """Return PEAR's weights of a batch ``(N,)``, or what a control makes of them."""
        if self.spec.weights == "pear":
            return weights
        if self.spec.weights == "shuffled":
            draw = torch.Generator().manual_seed(_mixed(self.spec.seed, self.state.global_step))
            return weights[torch.randperm(len(weights), generator=draw).to(weights.device)]
        mean = weights.mean()
        if self.spec.weights == "constant":
            return mean.expand_as(weights)
        self.rate = mean.item()
        return torch.ones_like(weights)


class _Rate(TrainerCallback):
    """Multiplies the learning rate of a step by the trainer's ``rate``; the schedule resets it."""

    def __init__(self, trainer: PEARTrainer):
        self.trainer = trainer

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
        for group in optimizer.param_groups:
            group["lr"] *= self.trainer.rate


def _mixed(seed: int, step: int) -> int:
    """Return a seed for a step of a run, that a run which goes on finds again."""
    return 1_000_003 * seed + step
