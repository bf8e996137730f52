"""How a run trains, and what a node says that cannot be trained there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coupling_bench.specs import (
    DPOSpec,
    GRPOSpec,
    ImportSpec,
    PretrainSpec,
    RLOOSpec,
    SFTSpec,
    StageSpec,
    TaskSpec,
)


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


class NotHereError(ValueError):
    """A node that this model or task does not have; the text says what it needs instead."""


Node = Callable[[Recipe, int], StageSpec]
"""From a recipe and a seed to a spec.

Raises ``NotHereError`` where model or task do not have it.
"""
