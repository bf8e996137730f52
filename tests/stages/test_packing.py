"""SFT on packed rows is SFT on padded rows: checked against TRL's own SFTTrainer."""

import itertools
import random

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from peft import PromptTuningConfig
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from coupling_bench import models
from coupling_bench.stages import packing, training
from coupling_bench.stages.packing import PackedSFTTrainer, PackingCollator
from tests import architectures

MODELS = {
    "qwen3": {},
    "llama": {},
    "gpt2": {},
    "mistral": {"sliding_window": 4},
}
OPT = {"word_embed_proj_dim": 48, "ffn_dim": 96}
CANNOT = [
    ("dropout draws", "gpt2", {"attn_pdrop": 0.1}, {}),
    ("depend on its row", "opt", OPT | {"dropout": 0.1}, {}),
    ("depend on its row", "opt", OPT | {"dropout": 0.0}, {}),
    ("mixture of experts", "mixtral", {"num_local_experts": 2}, {}),
    ("NEFTune", "llama", {}, {"neftune_noise_alpha": 5.0}),
    ("label smoothing", "llama", {}, {"label_smoothing_factor": 0.1}),
    ("a loss function", "llama", {}, {"compute_loss_func": lambda o, _, **__: o.logits.sum() * 0}),
    ("tokens of its own", "llama", {}, {"peft_config": PromptTuningConfig(
        num_virtual_tokens=2, task_type="CAUSAL_LM")}),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quiet():
    training.quiet_libraries()


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Load a fresh copy of a tiny random model, made once."""
    made = {}

    def load(architecture, changes):
        key = (architecture, *changes)
        if key not in made:
            folder = tmp_path_factory.mktemp(architecture)
            made[key] = architectures.save(architecture, folder, **changes)
        return models.load(made[key])

    return load


def ragged(count, completion_only):
    """Rows of 1 to 30 tokens, one token and two among them, with a random prompt or none."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        ids = [draw.randrange(2, 60) for _ in range([1, 2, draw.randint(1, 30)][min(number, 2)])]
        prompt = draw.randrange(len(ids)) if completion_only else 0
        rows.append({"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return rows


def configure(folder, micro_batch=4, **options):
    return SFTConfig(
        output_dir=str(folder), per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=12 // micro_batch, learning_rate=0.0, max_grad_norm=1e9,
        num_train_epochs=1, logging_steps=1, use_cpu=True, bf16=False, report_to="none",
        save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        activation_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True}, **options,
    )  # fmt: skip


class Gradients(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.steps.append(torch.cat([p.grad.flatten() for p in model.parameters()]))


@pytest.mark.parametrize(("completion_only", "micro_batch"), [(True, 4), (False, 1)])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", list(MODELS))
def test_loss_gradient_and_metrics_are_trls(
    load, tmp_path, monkeypatch, architecture, attention, completion_only, micro_batch
):
    """Gradients within 1e-5 in every step, the last of which is short; logs as close."""
    monkeypatch.setattr(packing, "WIDTH", 40)
    seen = {}
    for trainer_class in (SFTTrainer, PackedSFTTrainer):
        model, tokenizer = load(architecture, MODELS[architecture])
        model.set_attn_implementation(attention)
        gradients = Gradients()
        trainer = trainer_class(
            model=model, args=configure(tmp_path, micro_batch), processing_class=tokenizer,
            train_dataset=Dataset.from_list(ragged(29, completion_only)), callbacks=[gradients],
        )  # fmt: skip
        trainer.train()
        seen[trainer_class] = gradients.steps, trainer.state.log_history[:-1]
    assert trainer.reasons == {}
    assert isinstance(trainer.data_collator, PackingCollator)
    (plain, plain_log), (packed, packed_log) = seen.values()
    assert len(plain) == len(packed) == 3
    for one, other in zip(plain, packed, strict=True):
        assert one.norm() > 0
        assert (one - other).norm() < 1e-5 * one.norm()
    for one, other in zip(plain_log, packed_log, strict=True):
        assert {"loss", "entropy", "mean_token_accuracy", "num_tokens", "grad_norm"} <= set(one)
        assert other == pytest.approx(one, rel=1e-5, abs=1e-6)


LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@given(LENGTHS, st.integers(60, 90))
def test_rows_hold_every_sequence_once_and_are_never_overfull(lengths, width):
    """Two rows that fit together are never left apart: best fit leaves no such pair."""
    rows = packing.pack(lengths, width)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    full = sorted(sum(lengths[place] for place in row) for row in rows)
    assert full[-1] <= width
    assert len(full) < 2 or full[0] + full[1] > width


@given(LENGTHS)
def test_a_batch_holds_every_sequence_whole_and_labels_nothing_else(lengths):
    """Cut at position 0, a batch gives the sequences back, less the last token, that is a label."""
    examples, token = [], 1
    for length in lengths:
        ids = list(range(token, token + length))
        examples.append({"input_ids": ids, "labels": ids})
        token += length
    batch = PackingCollator(pad_token_id=0)(examples)
    assert "attention_mask" not in batch
    found, labelled = [], []
    for ids, places, labels in zip(
        *(batch[name].tolist() for name in ("input_ids", "position_ids", "packed_labels")),
        strict=True,
    ):
        starts = [column for column, place in enumerate(places) if place == 0]
        labelled += [(i, label) for i, label in zip(ids, labels, strict=True) if label != -100]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            assert places[start:end] == list(range(end - start))
            found.append(ids[start:end])
    wanted = [row["input_ids"][:-1] or row["input_ids"] for row in examples]
    assert sorted(ids for ids in found if ids != [0]) == sorted(wanted)
    assert sorted(labelled) == [
        pair for row in examples for pair in itertools.pairwise(row["input_ids"])
    ]
    assert batch["num_tokens"] == sum(lengths)


@pytest.mark.filterwarnings("ignore:.* is deprecated:FutureWarning")
@pytest.mark.parametrize(("reason", "architecture", "changes", "options"), CANNOT)
def test_where_packing_would_change_the_numbers_trl_pads(
    load, tmp_path, reason, architecture, changes, options
):
    model, tokenizer = load(architecture, changes)
    own = {name: options[name] for name in ("compute_loss_func", "peft_config") if name in options}
    config = {name: value for name, value in options.items() if name not in own}
    trainer = PackedSFTTrainer(
        model=model, args=configure(tmp_path, **config), processing_class=tokenizer,
        train_dataset=Dataset.from_list(ragged(5, True)), **own,
    )  # fmt: skip
    assert reason in trainer.reasons["packing"]
    trainer.train()
    assert not isinstance(trainer.data_collator, PackingCollator)
    assert trainer.state.global_step == 1
