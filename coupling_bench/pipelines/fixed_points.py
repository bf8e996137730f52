"""RL with a KL penalty, run to where it ends: the tilted optimum of Eq. 8, or not.

Differs from the spine's RL in what decides where training ends. Rewards are not divided by their
spread over a group, which would be another objective; each completion weighs the same whatever its
length; the penalty's gradient is that of each token's divergence; and the learning rate goes to
zero, so that the end is the end and not a sample around it. Groups are twice as large, because what
a group subtracts from its own rewards shrinks with its size (``measures.fixed_point.group_beta``).
"""

from __future__ import annotations

from dataclasses import replace

from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.pipelines.spine import sft
from coupling_bench.specs import GRPOSpec


def sft_then_rl_at_beta_half(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT with a KL penalty of beta 0.5."""
    return _penalised(recipe, seed, beta=0.5)


def sft_then_rl_at_beta_1(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT with a KL penalty of beta 1."""
    return _penalised(recipe, seed, beta=1.0)


def sft_then_rl_at_beta_2(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT with a KL penalty of beta 2."""
    return _penalised(recipe, seed, beta=2.0)


def sft_then_rl_at_beta_1_scaled(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT with a penalty of beta 1, rewards divided by their group's spread."""
    return _penalised(recipe, seed, beta=1.0, scale_rewards="group")


def _penalised(recipe: Recipe, seed: int, *, beta: float, scale_rewards: str = "none") -> GRPOSpec:
    if recipe.task.answers is None:
        raise NotHereError(
            "The tilted optimum needs a closed set of answers, over which it is computed."
        )
    rl = recipe.rl
    steps = max(1, rl.max_steps * 3 // 4)
    return replace(
        rl,
        start=sft(recipe, seed),
        seed=seed,
        beta=beta,
        use_bias_correction_kl=True,
        loss_type="dr_grpo",
        scale_rewards=scale_rewards,
        num_generations=2 * rl.num_generations,
        max_steps=steps,
        snapshot_every=steps,
        learning_rate=2 * rl.learning_rate,
        lr_scheduler_type="linear",
    )


NODES: dict[str, Node] = {
    "sft_then_rl_at_beta_half": sft_then_rl_at_beta_half,
    "sft_then_rl_at_beta_1": sft_then_rl_at_beta_1,
    "sft_then_rl_at_beta_2": sft_then_rl_at_beta_2,
    "sft_then_rl_at_beta_1_scaled": sft_then_rl_at_beta_1_scaled,
}
PIPELINES: dict[str, tuple[str, ...]] = {}
"""Their curves are not drawn: what counts is where they end."""
