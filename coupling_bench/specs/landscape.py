"""Gradient descent whose path is measured, and what is measured along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coupling_bench.specs.exact import ExactSpec


@dataclass(frozen=True, kw_only=True)
class FlowSpec(ExactSpec):
    """Full-batch gradient descent in fp64 with a constant step, near the flow of its objective.

    It is trained as any ``ExactSpec``, and observed by a ``LandscapeSpec`` alone.
    """

    dtype: Literal["float64"] = "float64"
    optim: Literal["sgd"] = "sgd"
    also_after: tuple[int, ...] = ()
    """Further steps after which a snapshot is stored: close together where the path is fast."""

    def stores(self, step: int) -> bool:
        """Say whether a snapshot is stored after ``step`` steps; after the last one always is."""
        return super().stores(step) or step in self.also_after

    @property
    def stored(self) -> tuple[int, ...]:
        """The steps of all snapshots, ascending."""
        return (*filter(self.stores, range(self.max_steps)), self.max_steps)


@dataclass(frozen=True, kw_only=True)
class LandscapeSpec:
    """Gradients, curvatures and spectra of loss and reward at a flow's snapshots."""

    of: FlowSpec
    split: Literal["trained"] = "trained"
    """The prompts of the flow, so that nothing is estimated."""
    smoothness_at: tuple[int, ...] = ()
    """Steps of the snapshots at which the largest eigenvalue of the loss's Hessian is found."""
    spectra_at: tuple[int, ...] = ()
    """Steps of the snapshots at which the Fisher matrix is taken apart."""
    ranks: tuple[int, ...] = (1, 5, 10, 32)
    """Numbers k of leading eigenvectors that gradients and moves are projected on."""
    threads: int = 1
    """Torch threads."""
    landscape_version: int = 1
    """Raised by hand when a change of the code changes what is observed."""
