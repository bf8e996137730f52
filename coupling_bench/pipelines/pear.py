"""PEAR against plain SFT, and what is left of it when its weights say nothing of the tokens.

All variants of SFT see the first demonstrations of ``short_sft`` in the same order, for as many
steps and with its options: a fifth of the spine's SFT, where its loss has come most of the way.
Each is followed by the same RL, short enough that the reward is still rising (``docs/log.md``): at
the end of the spine's it is at its ceiling wherever it began. Both lengths are what the time
allows: SFT had been the spine's at first, and was shortened for its seconds alone.

PEAR's default weighs each token by what follows it. On ``grammar`` nothing does: an answer is one
token whose end is certain, and all weights are one within 0.002. There the weights are those of
whole sequences.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from coupling_bench.pipelines import schedules
from coupling_bench.pipelines.controls import NO_SNAPSHOTS
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import (
    ArithmeticSpec,
    GrammarSpec,
    GRPOSpec,
    ScheduledPEARSpec,
    ScheduledSFTSpec,
    SnapshotSpec,
    of_kind,
)

RL_STEPS = schedules.RL_STEPS // 2
PLAIN = "short_sft"
"""The node of SFT without weights."""


def pear_sft(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return the base fine-tuned on demonstrations with PEAR's weights."""
    level: Literal["token", "sequence"] = (
        "sequence" if isinstance(recipe.task, GrammarSpec) else "token"
    )
    return _weighted(recipe, seed, level=level)


def sft_with_shuffled_weights(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return SFT with PEAR's weights shuffled among the tokens of each batch: a control."""
    return replace(pear_sft(recipe, seed), weights="shuffled")


def sft_with_a_constant_weight(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return SFT with the mean of PEAR's weights in each batch for all of its tokens: a control."""
    return replace(pear_sft(recipe, seed), weights="constant")


def sft_at_a_matched_rate(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return SFT at its learning rate times PEAR's mean weight in each step: a control."""
    return replace(pear_sft(recipe, seed), weights="learning_rate")


def pear_sft_by_block(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return SFT with PEAR's weights of blocks of four tokens."""
    return _weighted(recipe, seed, level="block")


def pear_sft_by_sequence(recipe: Recipe, seed: int) -> ScheduledPEARSpec:
    """Return SFT with PEAR's weights of whole responses."""
    return _weighted(recipe, seed, level="sequence")


def sft_stopped_early(recipe: Recipe, seed: int) -> SnapshotSpec:
    """Return plain SFT at its first snapshot: a variant with another score for certain."""
    return SnapshotSpec(start=_plain(recipe, seed), step=recipe.sft.snapshot_every)


def _plain(recipe: Recipe, seed: int) -> ScheduledSFTSpec:
    plain = schedules.NODES[PLAIN](recipe, seed)
    assert isinstance(plain, ScheduledSFTSpec)
    return plain


SFT: dict[str, Node] = {
    "pear_sft": pear_sft,
    "sft_with_shuffled_weights": sft_with_shuffled_weights,
    "sft_with_a_constant_weight": sft_with_a_constant_weight,
    "sft_at_a_matched_rate": sft_at_a_matched_rate,
    "pear_sft_by_block": pear_sft_by_block,
    "pear_sft_by_sequence": pear_sft_by_sequence,
}
"""Variants of SFT beside the plain one, each a node."""


def _weighted(recipe: Recipe, seed: int, **options: Any) -> ScheduledPEARSpec:
    if not isinstance(recipe.task, GrammarSpec | ArithmeticSpec):
        raise NotHereError(
            "PEAR weights tokens by the demonstrators' probability of each, which is known where "
            "they are generated (--task grammar, --task arithmetic) and not of those of "
            f"{recipe.task.name}."
        )
    plain = _plain(recipe, seed)
    return of_kind(ScheduledPEARSpec, plain, snapshot_every=NO_SNAPSHOTS, **options)


def _then_rl(name: str, variant: Node) -> Node:
    def node(recipe: Recipe, seed: int) -> GRPOSpec:
        start = variant(recipe, seed)
        steps = RL_STEPS // (schedules.SMOKE_SHARE if recipe.scale == "smoke" else 1)
        short = replace(recipe.rl, max_steps=steps, snapshot_every=NO_SNAPSHOTS)
        return replace(short, start=start, seed=seed)

    node.__doc__ = f"Return {RL_STEPS} steps of the spine's RL after {name}."
    return node


RL: dict[str, Node] = {
    "short_sft_then_short_rl": _then_rl(PLAIN, _plain),
    "sft_stopped_early_then_rl": _then_rl("short_sft stopped early", sft_stopped_early),
    **{f"{name}_then_rl": _then_rl(name, variant) for name, variant in SFT.items()},
}
NODES: dict[str, Node] = SFT | RL
PIPELINES: dict[str, tuple[str, ...]] = {}

VARIANTS = (
    "short_sft_then_short_rl",
    "sft_stopped_early_then_rl",
    "pear_sft_then_rl",
    "sft_with_shuffled_weights_then_rl",
    "sft_at_a_matched_rate_then_rl",
)
"""RL after those variants of SFT that are compared by default; ``RL`` has all."""
