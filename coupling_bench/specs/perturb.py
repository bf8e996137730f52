"""A random step away from where a stage began, as far as the stage itself went: a control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from coupling_bench.specs.tasks import TaskSpec


@dataclass(frozen=True, kw_only=True)
class PerturbSpec:
    """The start of a stage, moved in a random direction: nothing is learnt.

    With theta_0 the weights that a stage started from, theta_1 those that it ended with, and z
    drawn from a standard normal distribution over all trained weights: theta_0 + s z / ||z||.
    """

    start: Any
    """The spec of the stage whose step is imitated; its snapshot 0 is where both steps begin."""
    matched: Literal["norm", "kl"]
    """What s is chosen by: ``norm``, s = ||theta_1 - theta_0||; ``kl``, E KL(p_0 || p) over the
    prompts is what it is for theta_1."""
    prompts: int = 512
    """How many of SFT's prompts the divergence is averaged over: the first so many."""
    tolerance: float = 0.005
    """How near the divergence must come to that of the stage, as a share of it."""
    seed: int = 0
    """Draws the direction."""
    threads: int = 1
    perturb_version: int = 1
    """Raised by hand when a change of how steps are drawn changes the numbers."""

    @property
    def task(self) -> TaskSpec:
        """The task that the stage was trained on."""
        return self.start.task
