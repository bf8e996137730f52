"""RL that is rewarded for another prompt's truth can learn nothing about its own."""

from coupling_bench import claim, expected_reward
from coupling_bench.measures.controls import beside_rl
from coupling_bench.requirements import judges_sentences, loss_change


@claim(
    "RL on the rewards of other prompts does not raise the reward",
    cites="no claim of the paper: a control of RL's verifier",
    not_increase_by=0.02,
    unit="reward",
    requires=[judges_sentences("sft")],
    beside=[loss_change("sft", "sft_then_rl_with_shuffled_rewards")],
)
def test_rl_on_shuffled_rewards_does_not_raise_the_reward(
    sft, sft_then_rl, sft_then_rl_with_shuffled_rewards, prompts, decide, table
):
    table("controls", beside_rl(sft_then_rl_with_shuffled_rewards, sft, sft_then_rl, prompts))
    decide(
        expected_reward(sft_then_rl_with_shuffled_rewards, prompts) - expected_reward(sft, prompts)
    )
