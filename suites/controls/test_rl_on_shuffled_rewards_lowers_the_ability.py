"""RL that is rewarded for another prompt's truth unlearns to judge: one answer earns the most."""

from coupling_bench import claim, mcc
from coupling_bench.requirements import exact_reward_change, judges_sentences


@claim(
    "RL on the rewards of other prompts lowers the ability to judge",
    cites="no claim of the paper: a control of RL's verifier",
    decrease_by=0.1,
    unit="MCC",
    requires=[judges_sentences("sft")],
    beside=[exact_reward_change("sft", "sft_then_rl_with_shuffled_rewards")],
)
def test_rl_on_shuffled_rewards_lowers_the_ability(
    sft, sft_then_rl_with_shuffled_rewards, prompts, decide
):
    decide(mcc(sft_then_rl_with_shuffled_rewards, prompts) - mcc(sft, prompts))
