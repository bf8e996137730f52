"""Gibbs' inequality: from its lowest point the SFT loss can only rise, with or without RL."""

from coupling_bench import claim, sft_loss
from coupling_bench.requirements import ability_change, exact_reward_change, near_optimum


@claim(
    "A random step after SFT raises the SFT loss",
    cites="derived from arXiv:2601.07389v1, Theorem 3.1: C1 = E KL(p_D || p) >= 0 for any p",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[near_optimum("sft", below=0.02)],
    beside=[
        exact_reward_change("sft", "sft_then_step_of_equal_kl"),
        ability_change("sft", "sft_then_step_of_equal_kl"),
    ],
)
def test_a_random_step_raises_the_sft_loss(sft, sft_then_step_of_equal_kl, demonstrations, decide):
    decide(sft_loss(sft_then_step_of_equal_kl, demonstrations) - sft_loss(sft, demonstrations))
