"""How much memory a training stage needs, before it is run.

An estimate of the tensors alive at once where no two rows share anything, as in TRL's own trainers;
what ours share and leave out makes it less, and nobody knows how much before the completions are
drawn. The parts are those of Rajbhandari et al. 2020 (ZeRO, arXiv:1910.02054, section 3): weights,
gradients and optimizer states, and beside them what a pass keeps. Compared with peaks measured on a
CPU (``tests/planning/test_footprints.py``); on CUDA it has not been run, and there the context of
the driver, the libraries' workspaces and the allocator's gaps come on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from coupling_bench.planning.loads import draws, has_reference, sequences
from coupling_bench.planning.shapes import Shape
from coupling_bench.specs import TrainingSpec, model_of

TILE = (4096, 32_768)
"""(positions, entries of the vocabulary) that TRL's fused output layer projects at a time, at most:
``trl.kernels.chunked_logprob``; a test holds it to that."""
TILES_ON_CPU = 6
"""Tiles in fp32 besides, where a Triton kernel does not fold the first one in place."""
SAMPLED = 3
"""Distributions of the next token side by side in sampling: logits, the same in fp32, softmax."""
SORTED = 5
"""As many more where a part of the vocabulary is cut off: sorted, their places in 64 bits, sums."""
CACHES = 2
"""Keys and values twice: completions that part copy those of the row that they come from."""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes of the parts of a stage's memory; ``total`` says which of them are alive together."""

    weights: int
    reference: int
    """The weights that are trained once more, as they were at the start of the stage."""
    optimizer: int
    """AdamW's two moments, in the type of the weights that are trained; others need less."""
    gradients: int
    accumulated: bool
    """Whether there are gradients already while a pass keeps its activations."""
    activations: int
    head: int
    """Of the output layer: a tile of the logits, and the gradient of its weights."""
    sharing: int
    """Where prompts are shared: the gradients of the completions, which wait for those of the
    prompts, and what the prompts' own pass keeps."""
    stepping: int
    """What the optimizer computes with: on CUDA a second copy of one moment."""
    sampling: int
    """Keys and values of a step's completions, and the distributions of their next token."""

    @property
    def total(self) -> int:
        """The most bytes alive at once: in a pass, in the optimizer's step, or in sampling."""
        passing = max(self.activations + self.head, self.sharing)
        passing += self.gradients if self.accumulated else 0
        stepping = self.gradients + self.stepping
        always = self.weights + self.reference + self.optimizer
        return always + max(passing, stepping, self.sampling)


def footprint(spec: TrainingSpec, shape: Shape, width_tokens: int, micro_batch: int) -> Footprint:
    """Return the memory that ``spec`` needs.

    Args:
        spec: the stage.
        shape: of its model, with its adapters and types.
        width_tokens: of the longest row, prompt and answer together.
        micro_batch: rows in one forward pass with gradient. Sampling does not depend on it: TRL
            draws all completions of an optimizer step at once.
    """
    on_cuda = model_of(spec).device == "cuda"
    rows = micro_batch * sequences(spec)
    return Footprint(
        weights=shape.weights,
        reference=_reference(spec, shape),
        optimizer=2 * shape.trained,
        gradients=shape.trained,
        accumulated=micro_batch < spec.rows_per_step,
        activations=_activations(spec, shape, rows, width_tokens),
        head=_head(spec, shape, rows * width_tokens, on_cuda),
        sharing=_sharing(spec, shape, rows, width_tokens),
        stepping=shape.trained if on_cuda else 0,
        sampling=_sampling(spec, shape, width_tokens),
    )


def _reference(spec: TrainingSpec, shape: Shape) -> int:
    """With adapters the reference is a copy of these alone."""
    return shape.trained if has_reference(spec) else 0


def _activations(spec: TrainingSpec, shape: Shape, rows: int, width: int) -> int:
    """What a pass keeps for its gradient.

    With gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): the input of each layer, and
    one layer at a time with all that it keeps.
    """
    whole = shape.activations(rows, width)
    if spec.gradient_checkpointing:
        inputs = rows * width * shape.layers * shape.hidden * shape.element
        whole = inputs + whole / shape.layers
    return round(shape.saved + whole)


def _head(spec: TrainingSpec, shape: Shape, tokens: int, on_cuda: bool) -> int:
    """The logits are never there as a whole, unless labels are smoothed: TRL asks for them then."""
    positions = min(tokens, TILE[0])
    tile = positions * TILE[1] * shape.element
    folding = 0 if on_cuda else TILES_ON_CPU * 4 * positions * min(shape.vocabulary, TILE[1])
    logits = 3 * 4 * tokens * shape.vocabulary if spec.label_smoothing_factor else 0
    hidden = 2 * 4 * tokens * shape.hidden  # the labelled positions, and their gradient, in fp32
    return tile + max(folding, logits) + hidden + shape.head


def _sharing(spec: TrainingSpec, shape: Shape, rows: int, width: int) -> int:
    """A weight that two passes use gets its gradient when both have theirs."""
    if not draws(spec) or spec.gradient_checkpointing:
        return 0
    return round(shape.trained + shape.activations(rows, width))


def _sampling(spec: TrainingSpec, shape: Shape, width: int) -> int:
    """What all completions of an optimizer step need while they are drawn; 0 if none are.

    Completions that are alike so far are one row. Of a closed set of answers a prompt is taken to
    get each, and one other; open answers all differ.
    """
    if not draws(spec):
        return 0
    answers = spec.task.answers
    alike = spec.num_generations if answers is None else len(answers) + 1
    rows = spec.prompts_per_step * min(alike, spec.num_generations)
    cut = spec.top_p < 1.0 or spec.top_k > 0
    distributions = (SAMPLED + SORTED * cut) * 4 * rows * shape.vocabulary
    prompts = shape.activations(rows, width) / shape.layers  # one layer at a time, nothing is kept
    return round(CACHES * rows * width * shape.cached_per_token + distributions + prompts)
