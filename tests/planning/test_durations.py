"""Durations: the operations that are planned are those that torch counts."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from coupling_bench import models
from coupling_bench.pipelines import observation
from coupling_bench.planning import Load, Work, of_model_spec, throughput, work
from coupling_bench.planning.durations import SECONDS_PER_LAYER
from coupling_bench.specs import CheckpointSpec, ImportSpec, LoraSpec
from tests import architectures, tiny

RECIPE = tiny.recipe()
WIDE = replace(RECIPE.base.start, hidden_size=256, intermediate_size=1024, num_hidden_layers=3)
LOAD = Load(prompt_tokens=12, answer_tokens=4, longest=16, rows=64)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [
        ({}, 0.02),
        ({"gradient_checkpointing": True}, 0.12),  # the output layer is not computed again
        ({"lora": LoraSpec(rank=4)}, 0.05),
    ],
)
def test_the_operations_of_training_are_those_that_torch_counts(changes, tolerance):
    """A pass forward and backward over as many tokens, attention's own products left out."""
    spec = replace(RECIPE.sft, **changes)
    shape = of_model_spec(WIDE, lora=spec.lora)
    tokenizer = models.new_tokenizer(WIDE, architectures.TEXTS)
    model = models.new_model(replace(WIDE, vocab_size=len(tokenizer)), tokenizer, 0)
    model.resize_token_embeddings(WIDE.vocab_size)
    if spec.lora:
        model = models.adapt(model, spec.lora)
    if spec.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.randint(3, 200, (4, 16))
    with FlopCounterMode(display=False) as counter:
        model.train()(input_ids=ids, labels=ids).loss.backward()
    planned = work(spec, shape, replace(LOAD, rows=4)).operations
    assert planned == pytest.approx(counter.get_total_flops(), rel=tolerance)


def test_a_step_of_rl_draws_scores_and_compares():
    """By hand: 16 completions of 4 prompts; 2 operations to draw, 6 to learn, 2 for a reference."""
    shape = of_model_spec(WIDE)
    spec = replace(RECIPE.rl, micro_batch=8)
    load = replace(LOAD, rows=16)
    shared, whole = 4 * 12 + 16 * 4, 16 * (12 + 4)
    found = work(spec, shape, load)
    assert found.operations == shape.multiplied * (2 + 6) * shared
    assert found.calls == 4 * 2 + 4  # two micro-batches; the prompts, then a token at a time
    penalised = work(replace(spec, beta=0.1), shape, load)
    assert penalised.operations == shape.multiplied * (2 + 6 + 2) * shared
    checkpointed = work(replace(spec, gradient_checkpointing=True), shape, load)
    assert checkpointed.operations == shape.multiplied * (2 * shared + 8 * whole)


def test_a_pair_of_preferences_is_two_rows_with_a_reference():
    shape, spec = of_model_spec(WIDE), replace(RECIPE.dpo, batch_size=16, micro_batch=4)
    found = work(spec, shape, replace(LOAD, rows=32))
    assert found.operations == shape.multiplied * (2 + 4 + 2) * 32 * 16
    assert found.calls == 4 * 4


def test_an_observation_computes_prompts_once_and_all_that_branches_from_them():
    """By hand: two answers of 4 tokens and a sample of 8, in batches of 32 prompts."""
    shape = of_model_spec(WIDE)
    spec = replace(observation(RECIPE.sft, 0, "held_out"), batch_size=32)
    found = work(spec, shape, LOAD)
    assert found.operations == 2 * shape.multiplied * 64 * (12 + 2 * 4 + 8)
    assert found.calls == 2 * (1 + 2 + 8)
    more = work(replace(spec, samples=3), shape, LOAD)
    assert more.operations == 2 * shape.multiplied * 64 * (2 * 12 + 2 * 4 + 4 * 8)


def test_what_trains_nothing_computes_nothing():
    model = CheckpointSpec(name="elsewhere", folder="nowhere")
    imported = ImportSpec(start=model, task=RECIPE.task)
    assert work(imported, of_model_spec(WIDE), Load()) == Work()


def test_time_is_operations_at_a_rate_and_calls_of_layers():
    shape = of_model_spec(WIDE)
    seconds = Work(operations=6e9, calls=100).seconds(shape, 2e9)
    assert seconds == pytest.approx(3 + 100 * 3 * SECONDS_PER_LAYER)


def test_the_rate_of_a_device_is_measured_and_leaves_the_threads_alone():
    """Between a slow core and a fast machine, and another type has another rate."""
    before = torch.get_num_threads()
    assert 1e8 < throughput("cpu", "float32") < 1e14
    assert torch.get_num_threads() == before
