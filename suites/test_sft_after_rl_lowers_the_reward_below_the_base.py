"""SFT after RL lowers the reward below the base model's, by the paper's sampled protocol."""

from coupling_bench import claim, mean_at_1
from coupling_bench.requirements import exact_reward_change, judges_sentences


@claim(
    "SFT after RL lowers the reward below the base model's",
    cites="arXiv:2601.07389v1, section 5; Figure 3b",
    decrease_by=0.0,
    unit="reward",
    requires=[judges_sentences("rl"), judges_sentences("rl_then_sft")],
    beside=[exact_reward_change("base", "rl_then_sft")],
)
def test_sft_after_rl_lowers_the_reward_below_the_base(base, rl_then_sft, prompts, decide):
    decide(mean_at_1(rl_then_sft, prompts) - mean_at_1(base, prompts))
