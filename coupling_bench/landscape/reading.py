"""What was observed of a flow's landscape, read from the store with numpy alone.

Axes: T snapshots, V gradients (``LOSS``, ``REWARD``, ``GRPO``, ``AMONG_ANSWERS``), N prompts, A
answers, S snapshots with a spectrum, K ranks. Attributes are described in ``observing.run``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from coupling_bench.pipelines import landscape_of
from coupling_bench.runs import Array, Runs
from coupling_bench.specs import FlowSpec

LOSS, REWARD, GRPO, AMONG_ANSWERS = range(4)
"""Places of the gradients among the V."""


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """A flow's snapshots: values on its own prompts, and products of their gradients."""

    steps: npt.NDArray[np.int64]
    answer_logps: Array
    demonstrated: Array
    rewards: Array
    other_reward: Array
    products: Array
    smoothness: Array
    ranks: npt.NDArray[np.int64]
    weights: npt.NDArray[np.int64]

    @property
    def loss(self) -> Array:
        """L on the exact p_D, in nats per sequence, ``(T,)``."""
        return -(self.answer_logps * self.demonstrated).sum(axis=2).mean(axis=1)

    @property
    def optimal_loss(self) -> float:
        """L* = H(p_D), in nats per sequence."""
        known = np.where(self.demonstrated > 0, self.demonstrated, 1.0)
        return float(-(known * np.log(known)).sum(axis=1).mean())

    @property
    def sub_optimality(self) -> Array:
        """Epsilon = L - L*, in nats per sequence, ``(T,)``."""
        return self.loss - self.optimal_loss

    @property
    def mass_on_answers(self) -> Array:
        """-E log pi(closed set|x), nats: what of epsilon is no choice of answer, ``(T,)``."""
        return -np.log(np.exp(self.answer_logps).sum(axis=2)).mean(axis=1)

    @property
    def reward(self) -> Array:
        """J at temperature 1, exact, in reward units, ``(T,)``."""
        chances = np.exp(self.answer_logps)
        rest = 1 - chances.sum(axis=2)
        return ((chances * self.rewards).sum(axis=2) + rest * self.other_reward).mean(axis=1)

    @property
    def demonstrator_reward(self) -> float:
        """J_D on the flow's prompts, in reward units."""
        return float((self.demonstrated * self.rewards).sum(axis=1).mean())

    def squared_gradient(self, which: int = LOSS) -> Array:
        """Return the squared norm of a gradient, ``(T,)``."""
        return self.products[:, which, which]

    def cosine(self, first: int, second: int) -> Array:
        """Return the cosine between two gradients, without unit, ``(T,)``."""
        norms = np.sqrt(self.squared_gradient(first) * self.squared_gradient(second))
        return self.products[:, first, second] / norms


@dataclass(frozen=True, kw_only=True)
class MovedLandscape(Landscape):
    """The same of RL, with how far it moved, by gradient, curvature and spectrum at its start."""

    spectrum_steps: npt.NDArray[np.int64]
    eigenvalues: Array
    inside: Array
    elsewhere: Array
    bends: Array
    distance: Array
    slope: Array
    curvature: Array
    fisher: Array
    moved_inside: Array


def landscapes(runs: Runs) -> list[Landscape]:
    """Return the stored landscapes of all seeds of a flow, in their order.

    Raises:
        TypeError: the node is no flow.
        FileNotFoundError: a flow has not been observed.
    """
    return [_read(folder, Landscape) for folder in _folders(runs)]


def moved(runs: Runs) -> list[MovedLandscape]:
    """Return the same with the moves from the start, of a flow of the reward.

    Raises:
        TypeError: the node is no flow.
        FileNotFoundError: a flow has not been observed.
    """
    return [_read(folder, MovedLandscape) for folder in _folders(runs)]


def _folders(runs: Runs) -> list[Path]:
    folders = []
    for stage in runs.stages:
        if not isinstance(stage, FlowSpec):
            raise TypeError(
                f"landscape: {runs.node} is a {type(stage).__name__}, and only the landscape of a "
                "flow (FlowSpec) is observed. Name one of the nodes flow_..."
            )
        folders.append(runs.store.get(landscape_of(stage)).folder)
    return folders


Kind = TypeVar("Kind", bound=Landscape)


@functools.lru_cache(maxsize=256)
def _read(folder: Path, kind: type[Kind]) -> Kind:
    with np.load(folder / "landscape.npz", allow_pickle=False) as arrays:
        return kind(**{field.name: arrays[field.name] for field in fields(kind)})
