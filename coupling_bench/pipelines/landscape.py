"""Small exact problems whose landscape is measured: full-batch gradient descent in fp64.

A few prompts with their exact demonstrators and rewards, so that L, L*, J and all gradients are
known there to rounding. Steps were chosen by L and J alone: that of SFT is near one over the
largest curvature of the loss, so that it falls at every step, and RL's is small enough for
checkpoints near its start. Twice the prompts and twice the steps of SFT took twice as long, and
ended at much the same L - L* (0.0009 for 0.0010 nats): most of that is what the policy leaves to
what is no answer, which falls slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coupling_bench.pipelines import spine
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import FlowSpec, GrammarSpec, ModelSpec, SnapshotSpec, model_of

PROMPTS = 12
SFT_RATE, SFT_STEPS = 0.05, 125
RL_RATE, RL_STEPS = 0.015, 120
SHORT_STEPS = 40
"""Of RL from SFT checkpoints on the way to the optimum."""
SFT_EVERY, RL_EVERY = 25, 40
"""Steps between snapshots."""
RL_ALSO = (1, 2, 5, 10, 20)
RL_LONG_ALSO = (1, 2, 3, 5, 7, 10, 14, 20, 28, 57)
"""Snapshots of RL between these, evenly on a scale of ratios: what a factor is asked of."""
CHECKPOINTS = (5, 25, 100)
"""Steps of SFT after which RL starts, besides its beginning and its end."""
SMOKE_SHARE = 5
"""Everything takes so many times fewer steps where the plumbing alone is tried."""


def flow_sft(recipe: Recipe, seed: int) -> FlowSpec:
    """Return gradient descent on the SFT loss of a few prompts, from the base."""
    return _flow(
        recipe,
        seed,
        objective="loss",
        learning_rate=SFT_RATE,
        max_steps=SFT_STEPS,
        snapshot_every=SFT_EVERY,
        also_after=(1, 2, 5, 10),
    )


def flow_sft_one_hot(recipe: Recipe, seed: int) -> FlowSpec:
    """Return the same on demonstrations that always give the true answer."""
    flow = flow_sft(recipe, seed)
    grammar: Any = flow.task  # ``_flow`` takes no other
    return replace(flow, task=replace(grammar, label_noise=0.0))


def flow_sft_then_rl(recipe: Recipe, seed: int) -> FlowSpec:
    """Return gradient ascent on the reward of the same prompts, from the end of the SFT flow."""
    rl = flow_rl(recipe, seed)
    steps = _fewer(recipe, RL_STEPS)
    return replace(rl, start=flow_sft(recipe, seed), max_steps=steps, also_after=RL_LONG_ALSO)


def flow_rl(recipe: Recipe, seed: int) -> FlowSpec:
    """Return gradient ascent on the reward of the same prompts, from the base."""
    return _flow(
        recipe,
        seed,
        objective="reward",
        learning_rate=RL_RATE,
        max_steps=SHORT_STEPS,
        snapshot_every=RL_EVERY,
        also_after=RL_ALSO,
    )


def _from_checkpoint(step: int) -> Callable[[Recipe, int], FlowSpec]:
    def node(recipe: Recipe, seed: int) -> FlowSpec:
        start = SnapshotSpec(start=flow_sft(recipe, seed), step=_fewer(recipe, step))
        return replace(flow_rl(recipe, seed), start=start)

    node.__doc__ = f"Return gradient ascent on the reward after {step} steps of the SFT flow."
    return node


def _flow(recipe: Recipe, seed: int, **options: Any) -> FlowSpec:
    base = spine.base(recipe, seed)
    if not (isinstance(recipe.task, GrammarSpec) and isinstance(model_of(base), ModelSpec)):
        raise NotHereError(
            "A landscape without noise needs demonstrators that are known exactly and a model of "
            "some hundred thousand weights: --task grammar, and a model that is pretrained here."
        )
    for name in ("max_steps", "snapshot_every"):
        options[name] = _fewer(recipe, options[name])
    return FlowSpec(start=base, task=recipe.task, seed=seed, prompts=PROMPTS, **options)


def _fewer(recipe: Recipe, steps: int) -> int:
    return max(steps // SMOKE_SHARE, 1) if recipe.scale == "smoke" else steps


NODES: dict[str, Node] = {
    "flow_sft": flow_sft,
    "flow_sft_one_hot": flow_sft_one_hot,
    "flow_sft_then_rl": flow_sft_then_rl,
    "flow_rl": flow_rl,
    **{f"flow_sft_{step}_then_rl": _from_checkpoint(step) for step in CHECKPOINTS},
}
PIPELINES: dict[str, tuple[str, ...]] = {}
LEAST_SEEDS = dict.fromkeys((name for name in NODES if name != "flow_sft_one_hot"), 5)
"""A duration and a threshold are found for each seed, and three would say little of how often."""
