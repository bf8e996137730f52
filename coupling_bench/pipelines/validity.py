"""The map of validity: exact SFT and RL over label noise and sub-optimality, in both orders.

Demonstrators flip the truth at several rates. SFT on each passes through policies of every
sub-optimality, from the base (step 0) on, and RL starts from some of them; and SFT on each starts
from moments of RL. The base is the recipe's own for all of them, and the demonstrators' p_D enters
as it is, so that seeds differ in which prompts they train on and in what order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import (
    ExactSpec,
    GrammarSpec,
    GRPOSpec,
    PretrainSpec,
    SnapshotSpec,
    StageSpec,
)

SFT_STEPS, RL_STEPS, PENALISED_STEPS = 60, 45, 120
"""Chosen, with the learning rate, by J alone and on one seed (docs/log.md). With a KL penalty RL
goes on until it is near its closed form."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Which cells of the map are trained."""

    noises: tuple[float, ...]
    """Rates at which demonstrators flip the truth."""
    sft_steps: tuple[int, ...]
    """SFT steps after which RL starts; 0 is the base, whose RL is one for all demonstrators."""
    rl_steps: tuple[int, ...]
    """RL steps after which SFT starts."""
    forced: int = 1
    """Cells a seed that the lower bound has to force, or it is not checked."""

    def sft_then_rl(self) -> dict[tuple[float, int], str]:
        """Return the node of each (label noise, SFT steps before RL)."""
        return {
            (noise, step): _rl_after_sft(noise, step) if step else "map_rl"
            for noise, step in product(self.noises, self.sft_steps)
        }

    def rl_then_sft(self) -> dict[tuple[float, int], str]:
        """Return the node of each (label noise, RL steps before SFT)."""
        return {
            (noise, step): _sft_after_rl(noise, step)
            for noise, step in product(self.noises, self.rl_steps)
        }


SMALL = Grid(noises=(0.0, 0.1, 0.3), sft_steps=(0, 30, 60), rl_steps=(15,))
"""A part of the whole, which takes a tenth of its time."""
WHOLE = Grid(
    noises=(0.0, 0.02, 0.05, 0.1, 0.2, 0.3),
    sft_steps=(0, 15, 30, 60),
    rl_steps=(15, 30, 45),
    forced=10,
)
PARTS = {"part_of_the_map": SMALL, "whole_map": WHOLE}
"""By the name under which a suite asks for their nodes."""
BETAS = (0.4, 0.8, 1.6, 3.2)
"""Coefficients of the KL penalty of RL from the base, around beta* of some demonstrators."""
SAMPLED = ((0.0, 15), (0.1, 30), (0.3, 60))
"""(label noise, SFT steps) of the cells where GRPO, which samples, is compared with exact RL."""


def penalised() -> dict[float, str]:
    """Return the node of RL from the base with each KL penalty."""
    return {beta: f"map_rl_beta{beta:g}".replace(".", "p") for beta in BETAS}


def sampled() -> dict[tuple[float, int], str]:
    """Return the node of GRPO in each cell where it is compared with exact RL."""
    return {
        (noise, step): f"map_grpo_after_sft{step}_noise{_percent(noise)}" for noise, step in SAMPLED
    }


def _rl_after_sft(noise: float, step: int) -> str:
    return f"map_rl_after_sft{step}_noise{_percent(noise)}"


def _sft_after_rl(noise: float, step: int) -> str:
    return f"map_sft_noise{_percent(noise)}_after_rl{step}"


def _percent(noise: float) -> str:
    return f"{100 * noise:g}"


def sft(recipe: Recipe, seed: int, noise: float, rl_step: int = 0) -> ExactSpec:
    """Return SFT on demonstrators of a label noise: from the base, or from a moment of its RL."""
    start = _moment(rl(recipe, seed), rl_step) if rl_step else recipe.base
    every = 20 if rl_step else 15
    return replace(_exact(recipe, seed, start, noise), max_steps=SFT_STEPS, snapshot_every=every)


def rl(recipe: Recipe, seed: int, noise: float = 0.0, sft_step: int = 0) -> ExactSpec:
    """Return RL: from the base, or from a moment of SFT on demonstrators of a label noise."""
    start = _moment(sft(recipe, seed, noise), sft_step) if sft_step else recipe.base
    return replace(_exact(recipe, seed, start, noise), objective="reward")


def penalised_rl(recipe: Recipe, seed: int, beta: float) -> ExactSpec:
    """Return RL from the base with a KL penalty."""
    free = rl(recipe, seed)
    return replace(free, beta=beta, max_steps=PENALISED_STEPS, snapshot_every=PENALISED_STEPS // 3)


def grpo(recipe: Recipe, seed: int, noise: float, sft_step: int) -> GRPOSpec:
    """Return GRPO from where ``rl`` starts, for as many steps."""
    exact = rl(recipe, seed, noise, sft_step)
    return replace(
        recipe.rl,
        start=exact.start,
        task=exact.task,
        seed=seed,
        max_steps=exact.max_steps,
        snapshot_every=exact.snapshot_every,
    )


def _exact(recipe: Recipe, seed: int, start: StageSpec, noise: float) -> ExactSpec:
    if not isinstance(recipe.task, GrammarSpec):
        raise NotHereError(
            "the map of validity needs demonstrators whose label noise is known by construction "
            f"(--task grammar); those of {recipe.task.name} are as they are."
        )
    if not isinstance(recipe.base, PretrainSpec) or recipe.scale == "smoke":
        raise NotHereError(
            "the map of validity needs a model that is pretrained here, at the scale small "
            f"(--model embedded --scale small); this is {recipe.model} at {recipe.scale}."
        )
    return ExactSpec(
        start=start,
        # The other splits do not depend on that of pretraining, which takes a second to draw.
        task=replace(recipe.task, label_noise=noise, pretraining_size=0),
        seed=seed,
        objective="loss",
        prompts=1024,
        batch=32,
        snapshot_every=15,
        learning_rate=5e-4,
        warmup_steps=5,
        max_steps=RL_STEPS,
        optim="adamw",
        adam_beta2=0.98,
        max_grad_norm=1.0,
    )


def _moment(stage: ExactSpec, step: int) -> StageSpec:
    return stage if step == stage.max_steps else SnapshotSpec(start=stage, step=step)


def _node(sentence: str, build: Callable[..., StageSpec], *cell: float) -> Node:
    def node(recipe: Recipe, seed: int) -> StageSpec:
        return build(recipe, seed, *cell)

    node.__doc__ = sentence
    return node


NODES: dict[str, Node] = {
    "map_rl": _node("Return RL from the base by exact gradients.", rl),
    **{
        name: _node(
            f"Return exact RL after {step} SFT steps on label noise {noise:g}.", rl, noise, step
        )
        for (noise, step), name in WHOLE.sft_then_rl().items()
        if step
    },
    **{
        name: _node(
            f"Return exact SFT on label noise {noise:g} after {step} RL steps.", sft, noise, step
        )
        for (noise, step), name in WHOLE.rl_then_sft().items()
    },
    **{
        name: _node(f"Return exact RL from the base, KL penalty {beta:g}.", penalised_rl, beta)
        for beta, name in penalised().items()
    },
    **{
        name: _node(
            f"Return GRPO after {step} SFT steps on label noise {noise:g}.", grpo, noise, step
        )
        for (noise, step), name in sampled().items()
    },
}
PIPELINES: dict[str, tuple[str, ...]] = {}
GROUPS = {
    name: ("map_rl", *grid.sft_then_rl().values(), *grid.rl_then_sft().values())
    for name, grid in PARTS.items()
}
