"""A run's end with a part of its weights put back to an earlier moment: nothing is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from coupling_bench.specs.tasks import TaskSpec

MATRICES = ("q_proj", "k_proj", "v_proj", "down_proj")
"""What the modules of the edited and measured matrices are called: those of arXiv:2509.12235."""


@dataclass(frozen=True, kw_only=True)
class EditSpec:
    """The end of a run, whose weight matrices get a part of what they were at an earlier moment.

    Every matrix is edited on its own; what is not named stays as it is at the end.
    """

    start: Any
    """The moment, a SnapshotSpec or BestSnapshotSpec; the run that it is of is edited at its end.
    """
    part: Literal["vectors", "values", "whole", "entries", "direction"]
    """What is put back: singular ``vectors`` with the end's values, singular ``values`` with the
    end's vectors, the ``whole`` matrix, or single ``entries`` drawn at random until the matrix has
    moved as far as by ``vectors``; ``direction`` moves it as far in a random direction."""
    share: float = 1.0
    """Of the singular directions that are put back, the leading ones; ``whole`` takes all."""
    matrices: tuple[str, ...] = MATRICES
    """Modules whose weights are edited, by the end of their names."""
    seed: int = 0
    """Draws what is random."""
    threads: int = 1
    edit_version: int = 1
    """Raised by hand when a change of how matrices are edited changes the numbers."""

    @property
    def task(self) -> TaskSpec:
        """The task that the run was trained on."""
        return self.start.task
