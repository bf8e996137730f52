"""SFT after RL on the half of the demonstrations that RL's policy finds likely.

They are nearly on-policy, and as many as in SFT on all. They are no sample of the demonstrators',
so that the SFT loss pays for it; how much stands beside.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.requirements import exact_reward_change, loss_change, reward_rises


@claim(
    "SFT after RL lowers the reward less on demonstrations that RL's policy finds likely",
    cites="arXiv:2510.18874 (Retaining by Doing: approximately on-policy SFT forgets less)",
    increase_by=0.02,
    unit="reward",
    requires=[reward_rises("short_rl_then_sft", "short_rl")],
    beside=[
        exact_reward_change("short_rl", "short_rl_then_sft"),
        exact_reward_change("short_rl", "rl_then_likely_sft"),
        loss_change("short_rl_then_sft", "rl_then_likely_sft"),
    ],
    undecided="RL's policies differ in what they find likely: three seeds lie between -0.04 and "
    "+0.12 of reward, and about 38 would decide",
)
def test_sft_on_likely_demonstrations_lowers_the_reward_less(
    rl_then_likely_sft, short_rl_then_sft, prompts, decide
):
    decide(
        expected_reward(rl_then_likely_sft, prompts) - expected_reward(short_rl_then_sft, prompts)
    )
