"""Addresses of checkpoints and of data, and the observations that lie behind them.

A ``Runs`` holds no model: suites subtract measures of addresses, and what was observed is read
from the store with numpy alone.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.pipelines import evaluation, observation
from coupling_bench.specs import ObservationSpec, StageSpec, TaskSpec
from coupling_bench.store import Store

Array = npt.NDArray[np.float64]
HALVES = slice(0, None, 2), slice(1, None, 2)
"""Items in even and in odd places: what is chosen on the one half is scored on the other."""
EVALUATION = "evaluation.json"
"""The file of an evaluation's entry that holds ``harness.Results``."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which held-out items a measure is taken on."""

    name: str
    """``held_out`` or ``out_of_domain``."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """One node of the training graph over all seeds: the addresses of its checkpoints."""

    node: str
    seeds: tuple[int, ...]
    stages: tuple[StageSpec, ...]
    """One spec a seed, in their order; the base is the same for all."""
    store: Store

    @property
    def task(self) -> TaskSpec:
        """The task that the runs were trained on."""
        return self.stages[0].task


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one checkpoint's snapshots answered: N snapshots, P prompts, A answers.

    Attributes are described in ``coupling_bench.probes.run``, which writes them.
    """

    steps: npt.NDArray[np.int64]
    answer_logps: Array
    answer_tokens: npt.NDArray[np.int64]
    temperatures: Array
    tempered_answer_logps: Array
    truth: npt.NDArray[np.int64]
    demonstrated: Array
    rewards: Array
    other_reward: Array
    sampled_rewards: Array
    completion_rewards: Array
    prompts: list[str]
    groups: list[str]
    answers: list[str] | None
    responses: list[str]
    completions: list[list[str]]
    labels: list[int] | None = None
    """The label that each answer means, its index among the answers; None: each is its own."""

    @property
    def closed(self) -> bool:
        """Whether the answers are a closed set, so that nothing needs to be sampled."""
        return self.answers is not None


def observe(runs: Runs, split: Split) -> list[Observation]:
    """Return the stored observations of all seeds, in their order.

    Raises:
        FileNotFoundError: a checkpoint has not been observed on this split.
    """
    return [
        read_observation(runs.store.get(spec).folder) for spec in observation_specs(runs, split)
    ]


def is_observed(runs: Runs, split: Split) -> bool:
    """Say whether the checkpoints of all seeds have been observed on a split.

    Never those of stages that are not asked there.
    """
    try:
        specs = observation_specs(runs, split)
    except LookupError:
        return False
    return all(runs.store.find(spec) for spec in specs)


def evaluations(runs: Runs, lm_eval_task: str) -> list[dict[str, Any]]:
    """Return what lm-eval found of the checkpoints of all seeds on one task, in their order.

    Raises:
        FileNotFoundError: a checkpoint has not been evaluated on this task.
    """
    specs = [evaluation(stage, lm_eval_task) for stage in runs.stages]
    folders = [runs.store.get(spec).folder for spec in specs]
    return [json.loads((folder / EVALUATION).read_text()) for folder in folders]


def observation_specs(runs: Runs, split: Split) -> list[ObservationSpec]:
    """Return what ``observe`` reads: one observation a seed."""
    pairs = zip(runs.stages, runs.seeds, strict=True)
    return [observation(stage, seed, split.name) for stage, seed in pairs]


@functools.lru_cache(maxsize=256)
def read_observation(folder: Path) -> Observation:
    """Return what the probe has written into a folder."""
    with np.load(folder / "observation.npz", allow_pickle=False) as arrays:
        texts = json.loads((folder / "texts.json").read_text())
        return Observation(**{name: arrays[name] for name in arrays}, **texts)
