"""What is observed of each stage, and what lm-eval is asked of it."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from coupling_bench.specs import (
    ArithmeticSpec,
    BestSnapshotSpec,
    ColaSpec,
    EditSpec,
    EvaluationSpec,
    ExactSpec,
    FlowSpec,
    JsonlSpec,
    LandscapeSpec,
    LongSFTSpec,
    ObservationSpec,
    SnapshotSpec,
    StageSpec,
    TaskSpec,
)

SplitName = Literal["held_out", "out_of_domain", "longer"]
PAPER_TEMPERATURE, PAPER_TOP_P = 0.6, 0.95
"""How the paper samples one completion a prompt ("mean@1")."""

SPLITS: tuple[SplitName, ...] = ("held_out", "out_of_domain", "longer")
OBSERVED: tuple[tuple[SplitName, Literal["all", "last"]], ...] = (
    ("held_out", "all"),
    ("out_of_domain", "last"),
)
"""What is observed of every stage: (split, snapshots)."""
IN_DOMAIN, OUT_OF_DOMAIN = OBSERVED[:1], OBSERVED[1:]
"""What is observed of stages that come by the dozen: of exact training the first, and of edited
weights that in which the moment is the better one."""
OBSERVED_ALL_ALONG: tuple[tuple[SplitName, Literal["all", "last"]], ...] = tuple(
    (split, "all") for split in SPLITS
)
"""What is observed of SFT that is followed on its way. Longer answers take as long as all else."""
SMOOTHNESS_POINTS = 5
"""Snapshots of an SFT flow at which the largest eigenvalue of the loss's Hessian is found."""


def observed_splits(task: TaskSpec) -> tuple[SplitName, ...]:
    """Return the splits that ``task`` has and all stages are observed on."""
    return tuple(split for split in splits_of(task) if split in dict(OBSERVED))


def splits_of(task: TaskSpec) -> tuple[SplitName, ...]:
    """Return the splits that ``task`` has and stages can be observed on."""
    given = {"held_out", "out_of_domain"}
    if isinstance(task, JsonlSpec):
        given = {"held_out", *dict(task.files)}
    elif isinstance(task, ArithmeticSpec):
        given |= {"longer"}
    return tuple(split for split in SPLITS if split in given)


def observations(stage: StageSpec, seed: int) -> tuple[ObservationSpec | LandscapeSpec, ...]:
    """Return the observations that the measures need of one stage, for the run of one seed."""
    if isinstance(stage, FlowSpec):
        return (landscape_of(stage),)
    if isinstance(stage, SnapshotSpec | BestSnapshotSpec):
        return ()  # what it is stands among the snapshots of its stage
    return _of_split(stage, seed)


def landscape_of(flow: FlowSpec) -> LandscapeSpec:
    """Return what is observed of a flow.

    Of SFT the smoothness of the loss along the path, which later moves are judged by; of RL the
    spectrum where it starts, which its moves are projected on.
    """
    if flow.objective == "reward":
        return LandscapeSpec(of=flow, spectra_at=(0,))
    last = len(flow.stored) - 1
    spaced = [round(k * last / (SMOOTHNESS_POINTS - 1)) for k in range(SMOOTHNESS_POINTS)]
    return LandscapeSpec(of=flow, smoothness_at=tuple(flow.stored[k] for k in spaced))


def _of_split(stage: StageSpec, seed: int) -> tuple[ObservationSpec, ...]:
    task = stage.task
    temperature, top_p, samples = PAPER_TEMPERATURE, PAPER_TOP_P, 0
    if isinstance(task, JsonlSpec):
        temperature, top_p = task.sampling_temperature, task.sampling_top_p
    if isinstance(task, JsonlSpec | ArithmeticSpec) and task.answers is None:
        samples = task.samples
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
        for split, snapshots in _watched(stage)
        if split in splits_of(task)
    )


def _watched(stage: StageSpec) -> tuple[tuple[SplitName, Literal["all", "last"]], ...]:
    if isinstance(stage, EditSpec):
        return OUT_OF_DOMAIN if isinstance(stage.start, BestSnapshotSpec) else IN_DOMAIN
    if isinstance(stage, ExactSpec):
        return IN_DOMAIN
    followed = isinstance(stage, LongSFTSpec) and stage.also_after
    return OBSERVED_ALL_ALONG if followed else OBSERVED


def observation(stage: StageSpec, seed: int, split: str) -> ObservationSpec:
    """Return the observation of one stage on one split, for the run of one seed.

    Raises:
        LookupError: such stages are not observed on this split.
    """
    of_stage = {spec.split: spec for spec in _of_split(stage, seed)}
    if split not in of_stage:
        raise LookupError(
            f"observation: a {type(stage).__name__} is not observed on {split}, only on "
            f"{', '.join(of_stage) or 'nothing: measure the stage that it is a snapshot of'}."
        )
    return of_stage[split]  # type: ignore[index]


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
