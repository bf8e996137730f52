"""How long a node takes, before it is run: its products at a device's rate, and its calls.

Products are counted as by Kaplan et al. 2020 (arXiv:2001.08361, section 2.1): 2 operations a
parameter and token forward, 4 backward; attention's own are left out, which are few where rows are
short. Each call of a layer costs time of its own besides, which is most of it where models are
small and where completions are drawn token by token. Rates and calls were measured on a CPU; on
CUDA no plan has been compared with a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coupling_bench.planning.loads import Load, draws, has_reference, sequences
from coupling_bench.planning.shapes import Shape
from coupling_bench.specs import ObservationSpec, OnlineSpec, Spec, TrainingSpec

FORWARD = 2
"""Operations a parameter and token; backward once for the activations, once for the weights."""
SECONDS_PER_LAYER = 3e-4
"""A forward call of one layer of transformers' models without work to do: Python and the launch of
some twenty kernels. Measured with torch 2.13 on one core, on rows of four tokens."""
CALLS_TO_TRAIN = 4
"""A pass with gradient in forward calls: forward, backward (twice), its share of the optimizer."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a node computes."""

    operations: float = 0.0
    """Of matrix products."""
    calls: float = 0.0
    """Forward calls of the whole model, however small."""

    def seconds(self, shape: Shape, operations_per_second: float) -> float:
        """Return the time that it takes at a rate, as ``devices.throughput`` measures one."""
        at_work = self.operations / operations_per_second
        return at_work + self.calls * shape.layers * SECONDS_PER_LAYER


def work(spec: Spec | TrainingSpec, shape: Shape, load: Load) -> Work:
    """Return what a node computes from its beginning to its end; nothing if it trains nothing.

    Where completions are drawn each prompt of a step is computed once, as ``stages/unique_grpo.py``
    does where it may, and each completion is taken for different from all others and as long as it
    may be.
    """
    if isinstance(spec, ObservationSpec):
        return _observing(spec, shape, load)
    if not isinstance(spec, TrainingSpec):
        return Work()
    learnt = load.rows * (load.prompt_tokens + load.answer_tokens)
    drawing = Work()
    if draws(spec):
        drawing = _drawing(spec, load)
        if not spec.gradient_checkpointing:  # which keeps no prompt to share
            learnt = _shared(spec, load)
    rows = (spec.micro_batch or spec.rows_per_step) * sequences(spec)
    return Work(
        operations=shape.multiplied * (_factor(spec, shape) * learnt + drawing.operations),
        calls=CALLS_TO_TRAIN * math.ceil(load.rows / rows) + drawing.calls,
    )


def _factor(spec: TrainingSpec, shape: Shape) -> int:
    """Operations a parameter and token: 6, with checkpoints 8; 2 less if few weights are trained.

    A reference goes forward once more.
    """
    backward = 1 if shape.adapted else 2
    return FORWARD * (1 + backward + bool(spec.gradient_checkpointing) + has_reference(spec))


def _shared(spec: OnlineSpec, load: Load) -> float:
    """Return the tokens of each prompt of a step once, and of all completions."""
    return load.rows * (load.prompt_tokens / spec.num_generations + load.answer_tokens)


def _drawing(spec: OnlineSpec, load: Load) -> Work:
    """Return what it takes to draw the completions, operations for each parameter.

    A call for the prompts of a step, and one for each further token of all its completions.
    """
    steps = load.rows / spec.rows_per_step
    return Work(
        operations=FORWARD * _shared(spec, load) / spec.num_iterations,
        calls=steps * load.answer_tokens / spec.num_iterations,
    )


def _observing(spec: ObservationSpec, shape: Shape, load: Load) -> Work:
    """Return what it takes to score all answers of each prompt and to sample.

    The sampled completions branch from the prompt; those at temperature 1 compute it once more.
    """
    answers = len(spec.of.task.answers or [""])
    tokens = load.prompt_tokens * (1 + bool(spec.samples))
    tokens += answers * load.answer_tokens + (1 + spec.samples) * spec.sampling_tokens
    calls = 1 + answers + spec.sampling_tokens * (1 + bool(spec.samples))
    return Work(
        operations=FORWARD * shape.multiplied * load.rows * tokens,
        calls=math.ceil(load.rows / spec.batch_size) * calls,
    )
