"""Training on exact gradients, summed over the closed set of answers: no answer is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from coupling_bench.specs.tasks import TaskSpec


@dataclass(frozen=True, kw_only=True)
class ExactSpec:
    """SFT or RL by the gradient of the objective itself, exact over a closed set of answers.

    Fields that TRL's stages have too are named as there.
    """

    start: Any
    """What training starts from: the spec of another stage."""
    task: TaskSpec
    seed: int = 0
    """Draws the prompts, and their order where a step takes a part of them."""
    threads: int = 1
    exact_version: int = 1
    """Raised by hand when a change of the training code changes the numbers."""
    objective: Literal["loss", "reward"]
    """``loss``: go down E_q sum_y p_D(y|x) -log pi(y, end|x); ``reward``: go up
    E_q sum_y pi(y, end|x) r(x, y) - beta KL(pi || start), anything else earning what it earns."""
    beta: float = 0.0
    """Coefficient of the KL penalty to the starting policy; of the objective ``reward`` alone."""
    prompts: int | None = None
    """The first so many of a draw by the seed from the split ``sft``, for either objective, so that
    SFT and RL of one seed see the same; None: all."""
    batch: int | None = None
    """Prompts a step; None: all, so that the gradient has no noise at all."""
    dtype: Literal["float32", "float64"] = "float32"
    """Of weights, gradients and snapshots."""
    snapshot_every: int
    """Optimizer steps between two stored snapshots; the last step is always stored."""

    learning_rate: float
    warmup_steps: int = 0
    """Over which the learning rate rises linearly; it is constant after them."""
    max_steps: int
    optim: Literal["sgd", "adamw"]
    """``sgd``: without momentum, so that small steps follow the gradient's flow."""
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_grad_norm: float = 0.0
    """The gradient's norm is cut to it; 0: never."""

    def stores(self, step: int) -> bool:
        """Say whether a snapshot is stored after ``step`` steps; after the last one always is."""
        return step % self.snapshot_every == 0
