"""The named nodes of the training graph, as pure functions from a recipe and a seed to a spec.

A node's name is the name of its fixture and of its row in the report. A new node is one function
and one entry in ``NODES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from coupling_bench.specs import (
    GRPOSpec,
    ImportSpec,
    JsonlSpec,
    ObservationSpec,
    PretrainSpec,
    SFTSpec,
    StageSpec,
    TaskSpec,
    parent,
)

SplitName = Literal["held_out", "out_of_domain"]
PAPER_TEMPERATURE, PAPER_TOP_P = 0.6, 0.95
"""How the paper samples one completion a prompt ("mean@1")."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How each stage is trained; the nodes put in what it starts from and the seed."""

    model: str
    task: TaskSpec
    scale: str
    base: PretrainSpec | ImportSpec
    sft: SFTSpec
    rl: GRPOSpec


def base(recipe: Recipe, seed: int) -> PretrainSpec | ImportSpec:
    """Return the model that both pipelines start from: one for all seeds."""
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


NODES: dict[str, Callable[[Recipe, int], StageSpec]] = {
    "base": base,
    "sft": sft,
    "sft_then_rl": sft_then_rl,
    "rl": rl,
    "rl_then_sft": rl_then_sft,
}

PIPELINES = {"sft_then_rl": ("sft", "sft_then_rl"), "rl_then_sft": ("rl", "rl_then_sft")}
"""The two orders, each as its stages after the base."""

OBSERVED: tuple[tuple[SplitName, Literal["all", "last"]], ...] = (
    ("held_out", "all"),
    ("out_of_domain", "last"),
)
"""What is observed of every stage: (split, snapshots)."""


def observed_splits(task: TaskSpec) -> tuple[SplitName, ...]:
    """Return the splits that ``task`` has and stages are observed on."""
    given = dict(task.files) if isinstance(task, JsonlSpec) else {"out_of_domain": ""}
    return tuple(split for split, _ in OBSERVED if split == "held_out" or split in given)


def observations(stage: StageSpec, seed: int) -> tuple[ObservationSpec, ...]:
    """Return the observations that the measures need of one stage, for the run of one seed."""
    task = stage.task
    temperature, top_p, samples = PAPER_TEMPERATURE, PAPER_TOP_P, 0
    if isinstance(task, JsonlSpec):
        temperature, top_p = task.sampling_temperature, task.sampling_top_p
        samples = task.samples if task.answers is None else 0
    return tuple(
        ObservationSpec(
            of=stage,
            split=split,
            snapshots=snapshots,
            sampling_seed=seed,
            sampling_tokens=task.max_completion_tokens,
            sampling_temperature=temperature,
            sampling_top_p=top_p,
            samples=samples,
        )
        for split, snapshots in OBSERVED
        if split in observed_splits(task)
    )


def observation(stage: StageSpec, seed: int, split: str) -> ObservationSpec:
    """Return the observation of one stage on one split, for the run of one seed."""
    return next(o for o in observations(stage, seed) if o.split == split)


def lineage(stage: StageSpec) -> Iterator[StageSpec]:
    """Yield ``stage`` and what it descends from, the oldest first."""
    start = parent(stage)
    if start is not None:
        yield from lineage(start)
    yield stage
