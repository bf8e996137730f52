"""Reinforcement learning from the verifier: TRL's GRPO, on unique work alone.

An advantage is the reward minus the mean of its group (Shao et al., arXiv:2402.03300).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from coupling_bench.specs import GRPOSpec
from coupling_bench.stages import online
from coupling_bench.stages.training import quiet_libraries, train_fitting
from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer


def run(spec: GRPOSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    return train_fitting(spec, build, start, folder)


def build(
    spec: GRPOSpec,
    start: Path,
    folder: Path,
    callbacks: list[TrainerCallback],
    kind: type[GRPOTrainer] = UniqueGRPOTrainer,
) -> GRPOTrainer:
    """Return a trainer of ``kind``, ready to train from the checkpoint in ``start``."""
    return online.build(spec, start, callbacks, kind, configure(spec, folder))


def configure(spec: GRPOSpec, folder: Path) -> GRPOConfig:
    """Return TRL's configuration for ``spec``."""
    return GRPOConfig(**online.options(spec, folder))
