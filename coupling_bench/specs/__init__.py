"""Frozen values that say what was trained, on what, and from what it was started.

A spec *is* its training run: two equal specs give the same numbers, and the address of a
checkpoint is the fingerprint of its spec. ``start`` holds the parent, so a pipeline is a nested
spec: ``GRPOSpec(start=SFTSpec(start=base))`` is SFT-then-RL.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from typing_extensions import TypeIs

from coupling_bench.specs.edit import EditSpec
from coupling_bench.specs.exact import ExactSpec
from coupling_bench.specs.joint import JointSpec
from coupling_bench.specs.landscape import FlowSpec, LandscapeSpec
from coupling_bench.specs.marks import EXECUTION, OURS
from coupling_bench.specs.models import AnyModel, CheckpointSpec, LoraSpec, ModelSpec
from coupling_bench.specs.observing import EvaluationSpec, ObservationSpec
from coupling_bench.specs.pear import PEARSpec
from coupling_bench.specs.perturb import PerturbSpec
from coupling_bench.specs.scheduled_sft import ScheduledPEARSpec, ScheduledSFTSpec
from coupling_bench.specs.snapshot import BestSnapshotSpec, SnapshotSpec
from coupling_bench.specs.tasks import (
    ArithmeticSpec,
    ColaSpec,
    GrammarSpec,
    JsonlSpec,
    TaskSpec,
)
from coupling_bench.specs.training import (
    DPOSpec,
    GRPOSpec,
    ImportSpec,
    LongSFTSpec,
    OnlineSpec,
    PretrainSpec,
    RLOOSpec,
    SFTSpec,
    StageSpec,
    TrainingSpec,
)

__all__ = [
    "EXECUTION",
    "OURS",
    "AnyModel",
    "ArithmeticSpec",
    "BestSnapshotSpec",
    "CheckpointSpec",
    "ColaSpec",
    "DPOSpec",
    "EditSpec",
    "EvaluationSpec",
    "ExactSpec",
    "FlowSpec",
    "GRPOSpec",
    "GrammarSpec",
    "ImportSpec",
    "JointSpec",
    "JsonlSpec",
    "LandscapeSpec",
    "LongSFTSpec",
    "LoraSpec",
    "ModelSpec",
    "ObservationSpec",
    "OnlineSpec",
    "PEARSpec",
    "PerturbSpec",
    "PretrainSpec",
    "RLOOSpec",
    "SFTSpec",
    "ScheduledPEARSpec",
    "ScheduledSFTSpec",
    "SnapshotSpec",
    "Spec",
    "StageSpec",
    "TaskSpec",
    "TrainingSpec",
    "is_stage",
    "model_of",
    "of_kind",
    "parent",
    "root",
]

Trained = TypeVar("Trained", bound=TrainingSpec)
Spec = StageSpec | ObservationSpec | LandscapeSpec | EvaluationSpec


def is_stage(spec: Spec | TrainingSpec) -> TypeIs[StageSpec]:
    """Say whether ``spec`` leaves a checkpoint, and is not what is asked of one."""
    return not isinstance(spec, ObservationSpec | LandscapeSpec | EvaluationSpec)


def of_kind(kind: type[Trained], spec: TrainingSpec, **options: Any) -> Trained:
    """Return a stage of another kind with all options that both kinds have, and ``options``."""
    shared = {f.name for f in dataclasses.fields(kind)} & {f.name for f in dataclasses.fields(spec)}
    return kind(**{name: getattr(spec, name) for name in shared} | options)


def parent(spec: Spec) -> StageSpec | None:
    """Return the stage that must be finished before ``spec`` can run, or None for the first."""
    start = spec.start if is_stage(spec) else spec.of
    return start if isinstance(start, StageSpec) else None


def root(spec: Spec) -> StageSpec | None:
    """Return the first stage that ``spec`` descends from; None if it is the first itself."""
    first = parent(spec)
    while first is not None and (before := parent(first)) is not None:
        first = before
    return first


def model_of(spec: Spec | TrainingSpec) -> AnyModel:
    """Return the model that a stage or an observation descends from."""
    value: Any = spec
    while not isinstance(value, AnyModel):
        value = value.start if is_stage(value) else value.of
    return value
