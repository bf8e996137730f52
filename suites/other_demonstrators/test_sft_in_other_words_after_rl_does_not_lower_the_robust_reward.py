"""SFT in other words after RL does not lower the reward of the label in any words.

The labels are gold, so the demonstrators' robust reward is the largest there is. What a policy that
is new to their words says besides, neither label in any form, counts against it.
"""

from coupling_bench import claim
from coupling_bench.measures.form import change, robust_reward_curve
from coupling_bench.requirements import (
    converged,
    judges_sentences,
    sampled_reward_change,
)
from coupling_bench.views import unanswered_change


@claim(
    "SFT in other words after RL does not lower the robust reward",
    cites="derived, against Theorem 4.1 of arXiv:2601.07389v1: J goes to J_D",
    not_decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl"),
        judges_sentences("rl_then_sft_in_other_words"),
    ],
    beside=[
        unanswered_change("rl_then_sft_in_other_words"),
        sampled_reward_change("rl", "rl_then_sft_in_other_words", "robust"),
        sampled_reward_change("rl", "rl_then_sft_in_other_words", "strict"),
    ],
)
def test_sft_in_other_words_after_rl_does_not_lower_the_robust_reward(
    rl_then_sft_in_other_words, prompts, decide
):
    decide(change(robust_reward_curve, rl_then_sft_in_other_words, prompts))
