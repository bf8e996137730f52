"""Micro-batches: the largest that fits, a smaller one after all, and a way out in words."""

import weakref
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from coupling_bench.planning import (
    Shape,
    divisors,
    fit,
    footprint,
    gradient_checkpointing_needed,
    micro_batch,
    settle,
)
from coupling_bench.planning.batches import USABLE
from coupling_bench.specs import LoraSpec
from coupling_bench.stages import grpo
from tests import tiny

RECIPE = tiny.recipe()
SFT = RECIPE.sft
SHAPE = Shape(
    parameters=10_000, multiplied=10_000, weights=40_000, trained=40_000, head=400, layers=4,
    hidden=8, vocabulary=50, element=4, cached_per_token=64, saved=0, saved_per_token=70_000,
    saved_per_token_pair=2,
)  # fmt: skip
SPECS = st.builds(
    lambda rl, rows, group: replace(RECIPE.rl, prompts_per_step=rows, num_generations=group)
    if rl
    else replace(RECIPE.sft, batch_size=rows),
    st.booleans(), st.integers(1, 24), st.integers(2, 8),
)  # fmt: skip


@given(SPECS, st.integers(1, 64), st.floats(1e5, 1e10))
def test_the_micro_batch_is_the_largest_divisor_that_fits(spec, width, free):
    """By trying all: it divides the rows and fits, and no larger one does both."""
    rows = range(1, spec.rows_per_step + 1)
    fitting = [
        n
        for n in rows
        if spec.rows_per_step % n == 0 and footprint(spec, SHAPE, width, n).total <= USABLE * free
    ]
    if fitting:
        assert micro_batch(spec, SHAPE, width, int(free)) == max(fitting)
    else:
        with pytest.raises(ValueError, match=rf"one row of {width} tokens needs about .* GiB"):
            micro_batch(spec, SHAPE, width, int(free))


@given(SPECS, st.integers(1, 64), st.floats(1e5, 1e10))
def test_checkpointing_is_chosen_where_too_few_rows_fit_without(spec, width, free):
    """What is left open is settled so, what was said stays, and the identity is the same."""
    needed = gradient_checkpointing_needed(spec, SHAPE, width, int(free), rows=8)
    assume(
        footprint(replace(spec, gradient_checkpointing=needed), SHAPE, width, 1).total < 0.8 * free
    )
    settled = settle(spec, SHAPE, width, int(free))
    assert settled.gradient_checkpointing is needed
    plain = replace(spec, gradient_checkpointing=False)
    if not needed:
        assert settled.micro_batch >= min(8, spec.rows_per_step)
    else:
        assert footprint(plain, SHAPE, width, spec.rows_per_step).total > USABLE * free
    said = replace(spec, gradient_checkpointing=not needed, micro_batch=1)
    assert settle(said, SHAPE, width, int(free)) == said


@pytest.mark.parametrize("rows", divisors(16))
def test_trl_takes_every_divisor_for_grpo(rows, tmp_path):
    """Groups of four completions may be cut: the rows that are drawn together are whole groups."""
    spec = replace(RECIPE.rl, prompts_per_step=4, num_generations=4, micro_batch=rows)
    config = grpo.configure(spec, tmp_path)
    assert config.per_device_train_batch_size == rows
    assert config.generation_batch_size == 16


@pytest.mark.parametrize(
    ("spec", "trained", "named", "unnamed"),
    [
        (SFT, 40_000, ["lora.rank=16", "gradient_checkpointing=true", "bfloat16"], ["fewer"]),
        (replace(SFT, lora=LoraSpec()), 4_000, ["gradient_checkpointing=true"], ["lora"]),
        (replace(SFT, gradient_checkpointing=True), 40_000, ["lora"], ["gradient_checkpointing"]),
        (replace(RECIPE.rl, prompts_per_step=999), 40_000, ["fewer prompts_per_step"], []),
    ],
)
def test_what_does_not_fit_names_what_was_not_tried_yet(spec, trained, named, unnamed):
    with pytest.raises(ValueError, match="What would help: ") as caught:
        micro_batch(spec, replace(SHAPE, trained=trained), 40, 1000)
    help_ = str(caught.value).partition("What would help: ")[2]
    assert all(word in help_ for word in named)
    assert not any(word in help_ for word in unnamed)


class Attempt:
    """An attempt that runs out of memory above a size, with a tensor in a cycle of objects."""

    def __init__(self, largest, error):
        self.largest, self.error, self.sizes, self.left = largest, error, [], []

    def __call__(self, size):
        assert all(left() is None for left in self.left), "the last attempt's tensor is still there"
        self.sizes.append(size)
        tensor = torch.zeros(10)
        cycle = {"tensor": tensor}
        cycle["itself"] = cycle
        self.left.append(weakref.ref(tensor))
        if size > self.largest:
            raise type(self.error)(*self.error.args)  # one that has not been raised
        return f"trained with {size}"


OUT = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8 GiB."


@pytest.mark.parametrize(("largest", "tried"), [(8, [8]), (3, [8, 4, 2])])
def test_the_largest_size_that_does_not_run_out_is_returned(largest, tried):
    """Larger ones are tried first, and leave nothing behind."""
    attempt = Attempt(largest, torch.cuda.OutOfMemoryError(OUT))
    assert fit(attempt, [1, 2, 4, 8]) == f"trained with {tried[-1]}"
    assert attempt.sizes == tried


def test_too_little_memory_for_every_size_is_said():
    with pytest.raises(ValueError, match=r"with every micro-batch \(2, 1\): CUDA out of memory"):
        fit(Attempt(0, torch.cuda.OutOfMemoryError(OUT)), [1, 2])


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), FloatingPointError("nan")])
def test_another_error_is_not_taken_for_too_little_memory(error):
    attempt = Attempt(1, error)
    with pytest.raises(type(error), match=str(error)):
        fit(attempt, [4, 2, 1])
    assert attempt.sizes == [4]
