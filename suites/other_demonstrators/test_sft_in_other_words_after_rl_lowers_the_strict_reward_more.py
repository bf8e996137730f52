"""SFT in other words after RL lowers the strict reward more than the robust one.

RL's reward is strict on the form, the paper's evaluation takes the label in any words (section
5.2). What the strict reward loses beyond the robust one is form and no ability.
"""

from coupling_bench import claim
from coupling_bench.measures.form import change, formats, robust_reward_curve
from coupling_bench.measures.reward import reward_curve
from coupling_bench.requirements import converged, judges_sentences


@claim(
    "SFT in other words after RL lowers the strict reward more than the robust one",
    cites="arXiv:2601.07389v1, section 5.2 and Figure 3b",
    decrease_by=0.02,
    unit="reward",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl"),
        judges_sentences("rl_then_sft_in_other_words"),
    ],
)
def test_sft_in_other_words_after_rl_lowers_the_strict_reward_more(
    rl, rl_then_sft_in_other_words, prompts, decide, table
):
    table("formats", formats(rl_then_sft_in_other_words, prompts, start=rl.node))
    table("formats", formats(rl_then_sft_in_other_words, prompts))
    strict = change(reward_curve, rl_then_sft_in_other_words, prompts)
    decide(strict - change(robust_reward_curve, rl_then_sft_in_other_words, prompts))
