"""Both orders with other trainers that learn from the same verifier."""

from __future__ import annotations

from dataclasses import replace

from coupling_bench.pipelines.recipe import Node, Recipe
from coupling_bench.pipelines.spine import base, sft
from coupling_bench.specs import DPOSpec, RLOOSpec, SFTSpec


def sft_then_rloo(recipe: Recipe, seed: int) -> RLOOSpec:
    """Return RLOO started from the SFT checkpoint of the same seed."""
    return replace(recipe.rloo, start=sft(recipe, seed), seed=seed)


def rloo(recipe: Recipe, seed: int) -> RLOOSpec:
    """Return RLOO started from the base."""
    return replace(recipe.rloo, start=base(recipe, seed), seed=seed)


def rloo_then_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT started from the RLOO checkpoint of the same seed."""
    return replace(recipe.sft, start=rloo(recipe, seed), seed=seed)


def sft_then_dpo(recipe: Recipe, seed: int) -> DPOSpec:
    """Return DPO started from the SFT checkpoint of the same seed."""
    return replace(recipe.dpo, start=sft(recipe, seed), seed=seed)


def dpo(recipe: Recipe, seed: int) -> DPOSpec:
    """Return DPO started from the base."""
    return replace(recipe.dpo, start=base(recipe, seed), seed=seed)


def dpo_then_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT started from the DPO checkpoint of the same seed."""
    return replace(recipe.sft, start=dpo(recipe, seed), seed=seed)


NODES: dict[str, Node] = {
    "sft_then_rloo": sft_then_rloo,
    "rloo": rloo,
    "rloo_then_sft": rloo_then_sft,
    "sft_then_dpo": sft_then_dpo,
    "dpo": dpo,
    "dpo_then_sft": dpo_then_sft,
}
PIPELINES: dict[str, tuple[str, ...]] = {
    "sft_then_rloo": ("sft", "sft_then_rloo"),
    "rloo_then_sft": ("rloo", "rloo_then_sft"),
    "sft_then_dpo": ("sft", "sft_then_dpo"),
    "dpo_then_sft": ("dpo", "dpo_then_sft"),
}
