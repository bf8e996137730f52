"""SFT started from a converged DPO policy lowers the expected reward."""

from coupling_bench import claim, expected_reward
from coupling_bench.requirements import (
    converged,
    divergence,
    judges_sentences,
    lead_over_demonstrators,
    sampled_reward_change,
)


@claim(
    "SFT after DPO lowers the expected reward",
    cites="arXiv:2601.07389v1, Theorem 4.1, which shows GRPO only; "
    "extension to DPO, Rafailov et al., arXiv:2305.18290",
    decrease_by=0.02,
    unit="reward",
    requires=[
        converged("dpo", within=0.02),
        judges_sentences("dpo"),
        judges_sentences("dpo_then_sft"),
    ],
    beside=[
        lead_over_demonstrators("dpo"),
        divergence("dpo", "dpo_then_sft"),
        sampled_reward_change("dpo", "dpo_then_sft", "robust"),
        sampled_reward_change("dpo", "dpo_then_sft", "strict"),
    ],
)
def test_sft_after_dpo_lowers_the_expected_reward(dpo, dpo_then_sft, prompts, decide):
    decide(expected_reward(dpo_then_sft, prompts) - expected_reward(dpo, prompts))
