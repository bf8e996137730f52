"""Reinforcement learning from the verifier: TRL's RLOO, on unique work alone.

REINFORCE whose advantage is the reward minus the mean of the other completions of its prompt
(Ahmadian et al., arXiv:2402.14740), with TRL's clipped ratio of whole sequences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from trl import RLOOConfig, RLOOTrainer

from coupling_bench.specs import RLOOSpec
from coupling_bench.stages import online
from coupling_bench.stages.training import quiet_libraries, train_fitting
from coupling_bench.stages.unique_rloo import UniqueRLOOTrainer


def run(spec: RLOOSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(
    spec: RLOOSpec,
    start: Path,
    folder: Path,
    callbacks: list[TrainerCallback],
    kind: type[RLOOTrainer] = UniqueRLOOTrainer,
) -> RLOOTrainer:
    """Return a trainer of ``kind``, ready to train from the checkpoint in ``start``."""
    return online.build(spec, start, callbacks, kind, configure(spec, folder))


def configure(spec: RLOOSpec, folder: Path) -> RLOOConfig:
    """Return TRL's configuration for ``spec``."""
    return RLOOConfig(**online.options(spec, folder))
