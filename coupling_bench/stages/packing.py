"""SFT that pays for no padding: TRL's SFTTrainer with the rows of each batch packed into few.

A batch is made of the same sequences as TRL's. They are laid end to end in dense rows and told
apart by positions that restart at 0, from which transformers builds a block-diagonal causal mask.
A sequence's last token predicts nothing, so it is a label and never an input. TRL keeps the rest:
loss, denominators, metrics, optimizer. Same loss, same gradient.

Where that would not be the same, TRL's own collator pads and ``reasons`` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from trl import SFTTrainer

from coupling_bench.stages.compact_head import compact_head
from coupling_bench.stages.sharing import share_evenly
from coupling_bench.stages.trials import has_dropout, trying

WIDTH = 48
"""Tokens in a packed row, unless a sequence is longer: attention costs the square of it. Measured
on the embedded model: 32 to 64 cost the same, 14 (a padded row) and 128 a tenth more."""


def pack(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Lay sequences into rows by best-fit decreasing.

    Args:
        lengths: of the sequences.
        width: of a row; no length exceeds it.

    Returns:
        For each row the places of its sequences in ``lengths``.

    >>> pack([2, 5, 3, 1], 6)
    [[1, 3], [2, 0]]
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        length = lengths[place]
        fitting = [row for row, left in enumerate(room) if left >= length]
        if not fitting:
            fitting = [len(rows)]
            rows.append([])
            room.append(width)
        best = min(fitting, key=room.__getitem__)
        rows[best].append(place)
        room[best] -= length
    return rows


class PackingCollator:
    """Makes a dense batch of ``{"input_ids", "labels"}``, without an attention mask."""

    def __init__(self, pad_token_id: int):
        """Fill the ends of rows with ``pad_token_id``."""
        self.pad_token_id = pad_token_id

    def __call__(self, examples: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Return the packed rows, and the labels and the number of tokens as TRL counts them."""
        # A sequence of one token has nothing to predict; it stays, so that no batch is empty.
        inputs = [example["input_ids"][:-1] or example["input_ids"] for example in examples]
        targets = [example["labels"][1:] or [-100] for example in examples]
        lengths = [len(ids) for ids in inputs]
        rows = pack(lengths, max(WIDTH, *lengths))
        width = max(sum(lengths[place] for place in row) for row in rows)

        ids, shifted, positions = [], [], []
        for row in rows:
            padding = width - sum(lengths[place] for place in row)
            ids.append([i for p in row for i in inputs[p]] + [self.pad_token_id] * padding)
            shifted.append([label for p in row for label in targets[p]] + [-100] * padding)
            # Each padding token is a sequence of its own: it sees itself, and nothing sees it.
            positions.append([i for p in row for i in range(lengths[p])] + [0] * padding)
        # The trainer divides by the number of labels, which it counts by rules of its own: for some
        # architectures the first label of a sequence counts, though nothing predicts it.
        longest = max(len(example["labels"]) for example in examples)
        labels = [e["labels"] + [-100] * (longest - len(e["labels"])) for e in examples]
        return {
            "input_ids": torch.tensor(ids),
            "position_ids": torch.tensor(positions),
            "packed_labels": torch.tensor(shifted),
            "labels": torch.tensor(labels),
            "num_tokens": torch.tensor(sum(len(example["input_ids"]) for example in examples)),
        }


class PackedSFTTrainer(SFTTrainer):
    """TRL's SFTTrainer without padding, for datasets of ``input_ids`` and ``labels``."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Prepare TRL's trainer and replace its collator where that changes nothing."""
        super().__init__(*args, **kwargs)
        reason = obstacle(self)
        self.reasons = {"packing": reason} if reason else {}
        if not reason:
            self.data_collator = PackingCollator(self._tokenizer.pad_token_id)

    def get_train_dataloader(self):
        """Return TRL's, which shares a last batch that is smaller among processes, too."""
        return share_evenly(super().get_train_dataloader())

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Compute TRL's loss, and count the tokens that TRL would count in a padded batch."""
        packed = "packed_labels" in inputs
        if packed:
            inputs["shift_labels"] = inputs.pop("packed_labels")
            tokens = inputs.pop("num_tokens")
        with compact_head():
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if packed and self.model.training:
            # Without an attention mask TRL has counted the width of the batch.
            missed = tokens - inputs["position_ids"].size(1)
            self._total_train_tokens += int(self.accelerator.gather_for_metrics(missed).sum())
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return loss


def obstacle(trainer: SFTTrainer) -> str | None:
    """Return why packing would change the numbers of TRL's ``trainer``; None if it would not."""
    args: Any = trainer.args
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    columns = getattr(trainer.train_dataset, "column_names", None) or ()
    if not {"input_ids", "labels"} <= set(columns):
        return "the rows have no labels yet"
    if args.packing or args.padding_free:
        return "TRL packs itself"
    if trainer.compute_loss_func is not None:
        return "a loss function of the user's reads whole rows"
    if args.neftune_noise_alpha:
        return "NEFTune scales its noise by the width of the batch"
    if args.label_smoothing_factor:
        return "label smoothing shifts the labels itself"
    if hasattr(model.config.get_text_config(), "output_router_logits"):
        return "a mixture of experts balances its load over the whole batch"
    if isinstance(model, PeftModel) and model.active_peft_config.is_prompt_learning:
        return "the adapter puts tokens of its own before each row"
    if has_dropout(model):
        return "dropout draws by the place in the batch"
    return "a sequence's numbers depend on its row" if _mixes(model) else None


def _mixes(model: Any) -> bool:
    """Say whether a sequence's hidden states depend on what else stands in its row.

    Tried and not looked up, in training mode: recurrent layers, positions that the model counts
    itself, attention that ignores the mask, and dropout of any kind all show in the numbers and
    hardly in a configuration.
    """
    first, second = torch.arange(8, device=model.device).view(2, 4)
    rows = torch.stack([torch.cat([first, second]), torch.cat([second, first])])
    rows = rows % model.config.get_text_config().vocab_size
    positions = torch.arange(4, device=model.device).repeat(2, 2)
    with trying(model):
        outputs = model.base_model(input_ids=rows, position_ids=positions, use_cache=False)
    hidden = outputs[0]
    here, there = hidden[0], hidden[1].roll(4, dims=0)
    return bool((here - there).norm() > 1e-4 * here.norm())
