"""SFT after RL costs more than where nothing but the answers' frequencies could be learnt.

The control is another policy's effect and no part of this one, and may be larger. What the answers'
frequencies alone make of the effect itself stands beside it.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.measures.controls import by_prior
from coupling_bench.requirements import (
    ability_change,
    converged,
    exact_reward_change,
    judges_nothing,
    reward_of_frequencies_change,
)


@claim(
    "SFT after RL lowers the expected reward more than with the label prior alone",
    cites="no claim of the paper: a control of arXiv:2601.07389v1, Theorem 4.1 and Figure 3b",
    decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_nothing("prior_rl", within=0.2),
        judges_nothing("prior_rl_then_sft", within=0.2),
    ],
    beside=[
        exact_reward_change("rl", "rl_then_sft"),
        exact_reward_change("prior_rl", "prior_rl_then_sft"),
        reward_of_frequencies_change("rl", "rl_then_sft"),
        ability_change("rl", "rl_then_sft"),
    ],
)
def test_sft_after_rl_lowers_the_reward_more_than_with_the_label_prior_alone(
    rl, rl_then_sft, prior_rl, prior_rl_then_sft, prompts, decide, table
):
    whole = expected_reward(rl_then_sft, prompts) - expected_reward(rl, prompts)
    prior = expected_reward(prior_rl_then_sft, prompts) - expected_reward(prior_rl, prompts)
    table("prior", by_prior("reward", whole, prior, rl.seeds))
    decide(whole - prior)
