"""SFT started from a converged RL policy lowers the expected reward."""

from coupling_bench import claim, expected_reward
from coupling_bench.requirements import (
    converged,
    divergence,
    judges_sentences,
    lead_over_demonstrators,
    sampled_reward_change,
)


@claim(
    "SFT after RL lowers the expected reward",
    cites="arXiv:2601.07389v1, Theorem 4.1; Figure 3b",
    decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl"),
        judges_sentences("rl_then_sft"),
    ],
    beside=[
        lead_over_demonstrators("rl"),
        divergence("rl", "rl_then_sft"),
        sampled_reward_change("rl", "rl_then_sft", "robust"),
        sampled_reward_change("rl", "rl_then_sft", "strict"),
    ],
)
def test_sft_after_rl_lowers_the_expected_reward(rl, rl_then_sft, prompts, decide):
    decide(expected_reward(rl_then_sft, prompts) - expected_reward(rl, prompts))
