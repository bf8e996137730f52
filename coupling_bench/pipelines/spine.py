"""The two orders of the paper: SFT and RL from one base."""

from __future__ import annotations

from dataclasses import replace

from coupling_bench.pipelines.recipe import Node, Recipe
from coupling_bench.specs import GRPOSpec, ImportSpec, PretrainSpec, SFTSpec


def base(recipe: Recipe, seed: int) -> PretrainSpec | ImportSpec:
    """Return the model that all pipelines start from: one for all seeds."""
    return recipe.base


def sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return the base fine-tuned on demonstrations."""
    return replace(recipe.sft, start=base(recipe, seed), seed=seed)


def sft_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL started from the SFT checkpoint of the same seed."""
    return replace(recipe.rl, start=sft(recipe, seed), seed=seed)


def rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL started from the base."""
    return replace(recipe.rl, start=base(recipe, seed), seed=seed)


def rl_then_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT started from the RL checkpoint of the same seed."""
    return replace(recipe.sft, start=rl(recipe, seed), seed=seed)


NODES: dict[str, Node] = {
    "base": base,
    "sft": sft,
    "sft_then_rl": sft_then_rl,
    "rl": rl,
    "rl_then_sft": rl_then_sft,
}
PIPELINES: dict[str, tuple[str, ...]] = {
    "sft_then_rl": ("sft", "sft_then_rl"),
    "rl_then_sft": ("rl", "rl_then_sft"),
}
