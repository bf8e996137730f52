"""The named nodes of the training graph, as pure functions from a recipe and a seed to a spec.

A node's name is the name of its fixture and of its row in the report. A new node is one function
and one entry in ``NODES``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from coupling_bench.specs import (
    ColaSpec,
    DPOSpec,
    EvaluationSpec,
    GRPOSpec,
    ImportSpec,
    JsonlSpec,
    ObservationSpec,
    PretrainSpec,
    RLOOSpec,
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
    rloo: RLOOSpec
    dpo: DPOSpec


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


NODES: dict[str, Callable[[Recipe, int], StageSpec]] = {
    "base": base,
    "sft": sft,
    "sft_then_rl": sft_then_rl,
    "rl": rl,
    "rl_then_sft": rl_then_sft,
    "sft_then_rloo": sft_then_rloo,
    "rloo": rloo,
    "rloo_then_sft": rloo_then_sft,
    "sft_then_dpo": sft_then_dpo,
    "dpo": dpo,
    "dpo_then_sft": dpo_then_sft,
}

PIPELINES = {
    "sft_then_rl": ("sft", "sft_then_rl"),
    "rl_then_sft": ("rl", "rl_then_sft"),
    "sft_then_rloo": ("sft", "sft_then_rloo"),
    "rloo_then_sft": ("rloo", "rloo_then_sft"),
    "sft_then_dpo": ("sft", "sft_then_dpo"),
    "dpo_then_sft": ("dpo", "dpo_then_sft"),
}
"""The two orders with each trainer that learns from the verifier, as stages after the base."""

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


def evaluation(stage: StageSpec, lm_eval_task: str) -> EvaluationSpec:
    """Return the evaluation of one stage on a task of lm-eval.

    Raises:
        FileNotFoundError: CoLA's files are asked for and are not there.
    """
    data: tuple[tuple[str, str], ...] = ()
    folder = None
    if isinstance(stage.task, ColaSpec):
        data, folder = stage.task.files, stage.task.folder
    elif lm_eval_task.startswith("coupling_cola") or lm_eval_task == "coupling":
        from coupling_bench.tasks import cola

        folder = os.environ.get(cola.FOLDER)
        data = cola.digests(Path(folder).expanduser() if folder else None)
    ours = lm_eval_task.split("_")[0] == "coupling"
    return EvaluationSpec(
        of=stage,
        lm_eval_task=lm_eval_task,
        data=data,
        lm_eval_version=None if ours else version("lm-eval"),
        data_dir=folder,
    )


def lineage(stage: StageSpec) -> Iterator[StageSpec]:
    """Yield ``stage`` and what it descends from, the oldest first."""
    start = parent(stage)
    if start is not None:
        yield from lineage(start)
    yield stage
