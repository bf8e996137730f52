"""Footprints: what is planned is what the trainers have alive, counted from the allocator."""

import gc
import random
from dataclasses import replace

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import PrinterCallback
from trl import GRPOTrainer, SFTTrainer
from trl.kernels import chunked_logprob
from trl.trainer import utils

from coupling_bench import models
from coupling_bench.planning import Shape, footprint, of_model_spec
from coupling_bench.planning.footprints import TILE
from coupling_bench.specs import DPOSpec, LoraSpec, SFTSpec
from coupling_bench.stages import dpo, grpo, sft, training
from coupling_bench.stages.dpo import TokenisedDPOTrainer
from coupling_bench.stages.packing import PackedSFTTrainer
from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer
from suites.perf import counting
from tests import architectures, tiny

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

RECIPE = tiny.recipe()
SMALL = replace(
    RECIPE.base.start, vocab_size=4096, hidden_size=128, intermediate_size=512,
    num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
)  # fmt: skip
LARGE = replace(
    SMALL, vocab_size=1024, hidden_size=512, intermediate_size=1408, num_hidden_layers=8,
    num_attention_heads=8, num_key_value_heads=4, head_dim=64,
)  # fmt: skip
"""25 million parameters."""
WIDTH = 40
SFT = replace(RECIPE.sft, batch_size=8, max_length=WIDTH, num_train_epochs=1)
DPO = replace(RECIPE.dpo, batch_size=4, max_length=WIDTH, num_train_epochs=1)
RL = replace(RECIPE.rl, prompts_per_step=4, num_generations=4, max_completion_length=8, max_steps=2)
CASES = {
    "sft, checkpointed": (SMALL, SFT, {"gradient_checkpointing": True}),
    "sft, adapters": (SMALL, SFT, {"lora": LoraSpec(rank=8)}),
    "sft, autocast": (SMALL, SFT, {"bf16": True}),
    "sft, smoothed": (SMALL, SFT, {"label_smoothing_factor": 0.1}),
    "sft, 25 million": (LARGE, SFT, {}),
    "dpo": (SMALL, DPO, {}),
    "grpo": (SMALL, RL, {"top_p": 0.9}),
    "grpo, accumulated, reference": (SMALL, RL, {"micro_batch": 2, "beta": 0.1}),
}


TRL = {"sft": SFTTrainer, "dpo": TokenisedDPOTrainer, "grpo": GRPOTrainer}


class Sized:
    """Stands for a tokenizer of the largest size, which texts this few do not fill."""

    def __init__(self, spec):
        self.size, self.eos_token_id, self.pad_token_id = spec.vocab_size, 0, 1

    def __len__(self):
        return self.size


def build(model_spec, spec, kind, folder):
    """A trainer of ``kind`` for two steps on rows of ``WIDTH`` tokens each."""
    tokenizer = models.new_tokenizer(model_spec, architectures.TEXTS)
    models.save(models.new_model(model_spec, Sized(model_spec), 0), tokenizer, folder)
    model = models.load(folder)[0]
    if spec.lora:
        model = models.adapt(model, spec.lora)
    draw = random.Random(0)
    common = {"model": model, "processing_class": tokenizer}
    rows = [[draw.randrange(3, 200) for _ in range(WIDTH)] for _ in range(2 * 8)]
    if isinstance(spec, SFTSpec):
        data = Dataset.from_list([{"input_ids": ids, "labels": ids} for ids in rows])
        return kind(args=sft.configure(spec, folder), train_dataset=data, **common)
    if isinstance(spec, DPOSpec):
        pairs = [
            {"prompt_ids": a[:8], "chosen_ids": a[8:], "rejected_ids": b[8:]}
            for a, b in zip(rows[::2], rows[1::2], strict=True)
        ]
        common["ref_model"] = models.load(folder)[0]
        args = dpo.configure(spec, folder)
        return kind(args=args, train_dataset=Dataset.from_list(pairs), **common)
    length = WIDTH - spec.max_completion_length
    prompts = ["".join(draw.choices("xyzqkj", k=length)) for _ in range(8)]
    return kind(
        args=grpo.configure(spec, folder),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
        reward_funcs=lambda completions, **_: [float(n % 2) for n in range(len(completions))],
        **common,
    )


def measured(model_spec, spec, kind, folder):
    """Bytes of weights, and the most beside them while two steps are taken."""
    trainer = build(model_spec, spec, kind, folder)
    trainer.remove_callback(PrinterCallback)
    gc.collect()  # what an earlier trainer left would be freed in between, and count against
    peak = counting.peak_bytes(trainer.train)
    held = [trainer.model, getattr(trainer, "ref_model", None)]
    weights = [p for model in held if model is not None for p in model.parameters()]
    return peak + sum(p.nbytes for p in weights)


@pytest.fixture(scope="module", autouse=True)
def quiet():
    training.quiet_libraries()


@pytest.mark.parametrize("name", CASES)
def test_what_is_planned_is_what_trl_needs(name, tmp_path):
    """Within a tenth under and a quarter over, for TRL's own trainers on a CPU."""
    model_spec, spec, changes = CASES[name]
    spec = replace(spec, **changes)
    kind = TRL[name.partition(",")[0]]
    shape = of_model_spec(model_spec, lora=spec.lora, autocast=spec.bf16)
    planned = footprint(spec, shape, WIDTH, spec.micro_batch or spec.rows_per_step).total
    assert 0.9 < planned / measured(model_spec, spec, kind, tmp_path) < 1.25


@pytest.mark.parametrize("name", ["sft, adapters", "grpo, accumulated, reference"])
def test_what_is_planned_is_enough_for_ours(name, tmp_path):
    """Sharing takes less where rows share, and hardly more where they do not."""
    model_spec, spec, changes = CASES[name]
    spec = replace(spec, **changes)
    kind = PackedSFTTrainer if name.startswith("sft") else UniqueGRPOTrainer
    shape = of_model_spec(model_spec, lora=spec.lora)
    planned = footprint(spec, shape, WIDTH, spec.micro_batch or spec.rows_per_step).total
    assert planned > 0.95 * measured(model_spec, spec, kind, tmp_path)


def test_the_tile_of_the_output_layer_is_trls():
    assert TILE == (chunked_logprob.TOKEN_CHUNK_SIZE, utils._CHUNKED_LOGPROB_CHUNK_SIZE)


SHAPE = Shape(
    parameters=1000, multiplied=900, weights=4000, trained=4000, head=400, layers=4, hidden=8,
    vocabulary=50, element=4, cached_per_token=64, saved=0, saved_per_token=700,
    saved_per_token_pair=2,
)  # fmt: skip


@given(st.integers(1, 14), st.integers(1, 500), st.booleans(), st.sampled_from(["cpu", "cuda"]))
def test_more_rows_and_longer_ones_never_need_less(rows, width, checkpointing, device):
    start = replace(RECIPE.base.start, device=device)
    spec = replace(RL, start=start, gradient_checkpointing=checkpointing)
    need = footprint(spec, SHAPE, width, rows).total
    assert need <= footprint(spec, SHAPE, width, rows + 1).total
    assert need <= footprint(spec, SHAPE, width + 1, rows).total


@pytest.mark.parametrize(
    ("beta", "trained", "held"),
    [
        (0.0, 4000, 4000 + 3 * 4000),
        (0.1, 4000, 4000 + 4000 + 3 * 4000),
        (0.1, 400, 4000 + 400 + 3 * 400),  # a copy of the adapters is enough
    ],
)
def test_weights_reference_moments_and_gradients_are_held(beta, trained, held):
    parts = footprint(replace(RL, beta=beta), replace(SHAPE, trained=trained), 1, 1)
    assert parts.weights + parts.reference + parts.optimizer + parts.gradients == held
    assert parts.total >= held
