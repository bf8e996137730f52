"""Weights of one moment with singular vectors or values of another (arXiv:2509.12235, H6).

The long SFT's end gets back a part of what it was when it earned most out of domain, and RL after
SFT a part of what it started from. Every edit has controls that move the same matrices as far.
Nothing is trained, so that their cost is that of observing them.
"""

from __future__ import annotations

from coupling_bench.pipelines import healing, spine
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import BestSnapshotSpec, EditSpec, SnapshotSpec

LEADING = 0.2
"""Share of the singular directions that the paper finds to be enough."""


def _end_with(part: str, share: float, what: str) -> Node:
    def node(recipe: Recipe, seed: int) -> EditSpec:
        best = BestSnapshotSpec(start=healing.long_sft(recipe, seed))
        return _edit(recipe, best, part, share, seed)

    node.__doc__ = f"Return the end of the long SFT with {what} of its best moment out of domain."
    return node


def _rl_with(part: str, what: str) -> Node:
    def node(recipe: Recipe, seed: int) -> EditSpec:
        start = SnapshotSpec(start=spine.sft_then_rl(recipe, seed), step=0)
        return _edit(recipe, start, part, 1.0, seed)

    node.__doc__ = f"Return RL after SFT with {what} of the SFT checkpoint that it started from."
    return node


def _edit(
    recipe: Recipe, moment: SnapshotSpec | BestSnapshotSpec, part: str, share: float, seed: int
) -> EditSpec:
    if recipe.sft.lora is not None:
        raise NotHereError(
            "Singular vectors are put back into whole matrices, which adapters do not have: run "
            "without --peft."
        )
    return EditSpec(start=moment, part=part, share=share, seed=seed)  # type: ignore[arg-type]


AS_FAR = "a random change as long as to the singular vectors"
NODES: dict[str, Node] = {
    "long_sft_with_best_vectors": _end_with("vectors", 1.0, "the singular vectors"),
    "long_sft_with_best_values": _end_with("values", 1.0, "the singular values"),
    "long_sft_with_best_matrices": _end_with("whole", 1.0, "the same matrices as a whole"),
    "long_sft_with_random_change": _end_with("direction", 1.0, AS_FAR),
    "long_sft_with_leading_vectors": _end_with("vectors", LEADING, "the leading singular vectors"),
    "long_sft_with_some_entries": _end_with(
        "entries", LEADING, "single weights, as far as the leading vectors go,"
    ),
    "sft_then_rl_with_sft_vectors": _rl_with("vectors", "the singular vectors"),
    "sft_then_rl_with_sft_matrices": _rl_with("whole", "the same matrices as a whole"),
    "sft_then_rl_with_random_change": _rl_with("direction", AS_FAR),
}
PIPELINES: dict[str, tuple[str, ...]] = {}
