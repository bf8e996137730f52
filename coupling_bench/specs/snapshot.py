"""An earlier moment of a run as a checkpoint of its own, so that another stage can start there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coupling_bench.specs.tasks import TaskSpec


class OfAStage:
    """What a moment of a stage has of the stage itself."""

    start: Any

    @property
    def task(self) -> TaskSpec:
        """The task that the stage was trained on."""
        return self.start.task

    @property
    def seed(self) -> int:
        """The seed that the stage was trained with, and that a choice of a moment samples with."""
        return self.start.seed


@dataclass(frozen=True, kw_only=True)
class SnapshotSpec(OfAStage):
    """What a stage was after some of its optimizer steps: nothing is trained, a file is linked."""

    start: Any
    """The spec of the stage."""
    step: int
    """One of the optimizer steps that the stage stored, its last among them."""
    threads: int = 1
    snapshot_version: int = 1
    """Raised by hand when a change of how snapshots are linked changes the numbers."""


@dataclass(frozen=True, kw_only=True)
class BestSnapshotSpec(OfAStage):
    """What a stage was when it earned most out of domain: nothing is trained, a file is linked.

    It is chosen on every second item of the split, the first among them, so that the others can
    score it without the bias of what was chosen for its score. Of equals the earliest.
    """

    start: Any
    """The spec of the stage."""
    threads: int = 1
    best_version: int = 1
    """Raised by hand when a change of how a snapshot is chosen changes the numbers."""
