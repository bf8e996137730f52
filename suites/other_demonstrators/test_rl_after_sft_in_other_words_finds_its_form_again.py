"""RL that rewards one form is given that form by a policy which SFT has taught another.

SFT leaves the rewarded form a tenth. Found again means that what the policy is paid for, and what
it would be paid for in any words, are the same.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.measures.form import robust_reward
from coupling_bench.requirements import judges_sentences, reward_rises


@claim(
    "RL after SFT in other words finds the rewarded form again",
    cites="no claim of arXiv:2601.07389v1, whose section 5.2 leaves it open",
    equal_within=0.02,
    unit="reward",
    requires=[
        reward_rises("sft_in_other_words", "sft_in_other_words_then_rl"),
        judges_sentences("sft_in_other_words_then_rl"),
    ],
)
def test_rl_after_sft_in_other_words_finds_its_form_again(
    sft_in_other_words_then_rl, prompts, decide
):
    strict = expected_reward(sft_in_other_words_then_rl, prompts)
    decide(robust_reward(sft_in_other_words_then_rl, prompts) - strict)
