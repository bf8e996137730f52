"""Experiment tests for how supervised fine-tuning and reinforcement learning interact."""

from typing import Any

from coupling_bench.claims import Verdict, claim
from coupling_bench.frames import frames
from coupling_bench.measures.ability import accuracy, balanced_accuracy, mcc
from coupling_bench.measures.divergence import reverse_kl
from coupling_bench.measures.lm_eval import lm_eval_score
from coupling_bench.measures.loss import sft_loss, sft_loss_at_best_temperature, sft_loss_per_token
from coupling_bench.measures.reward import expected_reward, mean_at_1
from coupling_bench.theorems import theorem

__all__ = [
    "CouplingCallback",
    "Verdict",
    "accuracy",
    "balanced_accuracy",
    "claim",
    "expected_reward",
    "frames",
    "lm_eval_score",
    "mcc",
    "mean_at_1",
    "reverse_kl",
    "sft_loss",
    "sft_loss_at_best_temperature",
    "sft_loss_per_token",
    "theorem",
]


def __getattr__(name: str) -> Any:
    """Import what needs transformers only when it is asked for."""
    if name == "CouplingCallback":
        from coupling_bench.callback import CouplingCallback

        return CouplingCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
