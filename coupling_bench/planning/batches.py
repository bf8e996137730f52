"""How many rows go through the model at a time: as many as the memory holds, and fewer after all.

The micro-batch is execution and no part of a spec's identity: the rest of a step's rows are
accumulated, and a machine with less memory gives the same numbers but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from coupling_bench.fingerprint import address
from coupling_bench.planning.footprints import Footprint, footprint
from coupling_bench.planning.shapes import Shape
from coupling_bench.specs import TrainingSpec

T = TypeVar("T")

USABLE = 0.85
"""Share of the free memory that is planned with: estimates err, and allocators leave gaps."""
GIB = 2**30


def divisors(rows: int) -> list[int]:
    """Return the micro-batches that ``rows`` can be cut into, the largest first.

    TRL's GRPO takes every one of them: it asks whole groups of completions of the rows that are
    drawn together, which are those of an optimizer step, and not of a micro-batch.

    >>> divisors(12)
    [12, 6, 4, 3, 2, 1]
    """
    return [size for size in range(rows, 0, -1) if rows % size == 0]


def micro_batch(spec: TrainingSpec, shape: Shape, width_tokens: int, free_bytes: int) -> int:
    """Return the largest micro-batch that fits.

    Args:
        spec: the stage.
        shape: of its model, with its adapters and types.
        width_tokens: of the longest row, prompt and answer together.
        free_bytes: of the device, before anything of the stage is on it.

    Raises:
        ValueError: not even one row fits; the message names what would help.
    """
    for size in divisors(spec.rows_per_step):
        if footprint(spec, shape, width_tokens, size).total <= USABLE * free_bytes:
            return size
    least = footprint(spec, shape, width_tokens, 1)
    raise ValueError(
        f"{address(spec)}: one row of {width_tokens} tokens needs about {least.total / GIB:.1f} "
        f"GiB, and {USABLE:.0%} of the {free_bytes / GIB:.1f} GiB that are free may be used. "
        f"What would help: {'; '.join(_remedies(spec, shape, least))}."
    )


def settle(spec: TrainingSpec, shape: Shape, width_tokens: int, free_bytes: int) -> TrainingSpec:
    """Return ``spec`` with what it leaves open of its execution: checkpointing and micro-batch.

    Arguments and errors as for ``micro_batch``.
    """
    if spec.gradient_checkpointing is None:
        needed = gradient_checkpointing_needed(spec, shape, width_tokens, free_bytes)
        spec = replace(spec, gradient_checkpointing=needed)
    if spec.micro_batch is None:
        spec = replace(spec, micro_batch=micro_batch(spec, shape, width_tokens, free_bytes))
    return spec


def gradient_checkpointing_needed(
    spec: TrainingSpec, shape: Shape, width_tokens: int, free_bytes: int, rows: int = 8
) -> bool:
    """Say whether memory asks for gradient checkpointing, which costs a third more time.

    It does if no micro-batch of at least ``rows`` rows, or of all if a step has fewer, fits without
    it. Other arguments as for ``micro_batch``; what ``spec`` itself says of it does not count.
    """
    plain = replace(spec, gradient_checkpointing=False)
    least = min(n for n in divisors(spec.rows_per_step) if n >= min(rows, spec.rows_per_step))
    return footprint(plain, shape, width_tokens, least).total > USABLE * free_bytes


def fit(attempt: Callable[[int], T], micro_batches: Iterable[int]) -> T:
    """Return what ``attempt`` returns with the largest micro-batch that does not run out of memory.

    Memory is released between two attempts. An attempt has to begin from the start, seeds included:
    nothing of the one before is kept. Tried with errors made up on a CPU, not on CUDA.

    Args:
        attempt: called with a micro-batch; it may run out of memory.
        micro_batches: to be tried, in any order.

    Raises:
        ValueError: none of them fits.
    """
    from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

    sizes, reason = sorted(set(micro_batches), reverse=True), ""
    for size in sizes:
        try:
            return attempt(size)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            reason = str(error).splitlines()[0]
        # Out here: as long as the error is handled, its traceback holds what the attempt had.
        # accelerate's own loop cleans up inside, and leaves it to the next attempt.
        clear_device_cache(garbage_collection=True)
    raise ValueError(
        f"The device ran out of memory with every micro-batch ({', '.join(map(str, sizes))}): "
        f"{reason} Free it of other programs, or train less at a time: gradient_checkpointing=true."
    )


def _remedies(spec: TrainingSpec, shape: Shape, least: Footprint) -> list[str]:
    """Return what a user has not done yet and could."""
    remedies = []
    if not shape.adapted:
        remedies.append("adapters (lora.rank=16), whose gradients and moments alone are kept")
    if not spec.gradient_checkpointing:
        remedies.append("gradient_checkpointing=true")
    if shape.weights > 2 * shape.parameters:
        remedies.append("weights in 16 bit (dtype bfloat16 of the model)")
    if least.sampling >= max(least.activations + least.head, least.gradients):
        remedies.append("fewer prompts_per_step, because all of a step are sampled at once")
    return [*remedies, "a device with more memory, or a smaller model"]
