"""SFT started from a converged RLOO policy lowers the expected reward."""

from coupling_bench import claim, expected_reward
from coupling_bench.requirements import (
    converged,
    divergence,
    judges_sentences,
    lead_over_demonstrators,
    sampled_reward_change,
)


@claim(
    "SFT after RLOO lowers the expected reward",
    cites="arXiv:2601.07389v1, Theorem 4.1, which shows GRPO only; "
    "extension to RLOO, Ahmadian et al., arXiv:2402.14740",
    decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rloo", within=0.02),
        judges_sentences("rloo"),
        judges_sentences("rloo_then_sft"),
    ],
    beside=[
        lead_over_demonstrators("rloo"),
        divergence("rloo", "rloo_then_sft"),
        sampled_reward_change("rloo", "rloo_then_sft", "robust"),
        sampled_reward_change("rloo", "rloo_then_sft", "strict"),
    ],
)
def test_sft_after_rloo_lowers_the_expected_reward(rloo, rloo_then_sft, prompts, decide):
    decide(expected_reward(rloo_then_sft, prompts) - expected_reward(rloo, prompts))
