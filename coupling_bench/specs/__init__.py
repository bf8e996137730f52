"""Frozen values that say what was trained, on what, and from what it was started.

A spec *is* its training run: two equal specs give the same numbers, and the address of a
checkpoint is the fingerprint of its spec. ``start`` holds the parent, so a pipeline is a nested
spec: ``GRPOSpec(start=SFTSpec(start=base))`` is SFT-then-RL.
"""

from __future__ import annotations

from typing import Any

from coupling_bench.specs.marks import EXECUTION, OURS
from coupling_bench.specs.models import AnyModel, CheckpointSpec, LoraSpec, ModelSpec
from coupling_bench.specs.observing import ObservationSpec
from coupling_bench.specs.tasks import ColaSpec, GrammarSpec, JsonlSpec, TaskSpec
from coupling_bench.specs.training import (
    GRPOSpec,
    ImportSpec,
    PretrainSpec,
    SFTSpec,
    StageSpec,
    TrainingSpec,
)

__all__ = [
    "EXECUTION",
    "OURS",
    "AnyModel",
    "CheckpointSpec",
    "ColaSpec",
    "GRPOSpec",
    "GrammarSpec",
    "ImportSpec",
    "JsonlSpec",
    "LoraSpec",
    "ModelSpec",
    "ObservationSpec",
    "PretrainSpec",
    "SFTSpec",
    "Spec",
    "StageSpec",
    "TaskSpec",
    "TrainingSpec",
    "model_of",
    "parent",
]

Spec = StageSpec | ObservationSpec


def parent(spec: Spec) -> StageSpec | None:
    """Return the stage that must be finished before ``spec`` can run, or None for the first."""
    start = spec.of if isinstance(spec, ObservationSpec) else spec.start
    return start if isinstance(start, StageSpec) else None


def model_of(spec: Spec | TrainingSpec) -> AnyModel:
    """Return the model that a stage or an observation descends from."""
    value: Any = spec
    while not isinstance(value, AnyModel):
        value = value.of if isinstance(value, ObservationSpec) else value.start
    return value
