"""SFT after RL on answers that the RL policy has drawn itself leaves the reward as it was.

The same trainer, steps and learning rate as SFT on annotators, which lowers the reward: what lowers
it is the demonstrators and not SFT.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.measures.demonstrators import demonstrators
from coupling_bench.requirements import converged, divergence, judges_sentences


@claim(
    "SFT after RL on the policy's own answers leaves the expected reward as it was",
    cites="derived, against Theorem 4.1 of arXiv:2601.07389v1: J goes to J_D, which is J_RL",
    equal_within=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl"),
        judges_sentences("rl_then_sft_own"),
    ],
    beside=[divergence("rl", "rl_then_sft_own")],
)
def test_sft_on_its_own_answers_after_rl_leaves_the_reward_as_it_was(
    rl, rl_then_sft_own, prompts, decide, table
):
    table("demonstrators", demonstrators("equal", rl, rl_then_sft_own, prompts, teacher=rl))
    decide(expected_reward(rl_then_sft_own, prompts) - expected_reward(rl, prompts))
