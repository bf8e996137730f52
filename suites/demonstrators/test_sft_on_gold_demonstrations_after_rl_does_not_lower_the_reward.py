"""SFT on gold demonstrations after RL does not lower the expected reward.

SFT to convergence sends the reward to that of its demonstrators, so it falls if they are worse than
the policy, which is no matter of SFT and RL.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.measures.demonstrators import demonstrators
from coupling_bench.requirements import converged, divergence, judges_sentences


@claim(
    "SFT on gold demonstrations after RL does not lower the expected reward",
    cites="derived, against Theorem 4.1 of arXiv:2601.07389v1: J goes to J_D",
    not_decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl"),
        judges_sentences("rl_then_sft_gold"),
    ],
    beside=[divergence("rl", "rl_then_sft_gold")],
)
def test_sft_on_gold_demonstrations_after_rl_does_not_lower_the_reward(
    rl, rl_then_sft, rl_then_sft_gold, prompts, decide, table
):
    table("demonstrators", demonstrators("worse", rl, rl_then_sft, prompts))
    table("demonstrators", demonstrators("gold", rl, rl_then_sft_gold, prompts))
    decide(expected_reward(rl_then_sft_gold, prompts) - expected_reward(rl, prompts))
