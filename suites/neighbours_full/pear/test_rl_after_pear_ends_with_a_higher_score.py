"""What the reduced suite of PEAR leaves out: its other levels, and a constant weight as a control.

Under Adam a constant weight changes little but when the gradient is clipped: it stands here to show
that, and the reduced suite has the matched learning rate. On ``grammar`` the weights of blocks are
all one, and those of sequences are the reduced suite's. On arithmetic RL ends no higher after those
of blocks either: the policy is near its demonstrators from the first, so that weights are near one.
"""

from coupling_bench import claim
from coupling_bench.measures import pear
from coupling_bench.requirements import reward_rises
from coupling_bench.requirements.pear import weights_differ

UNIT = "probability of the reward"
SAMPLED = "on arithmetic answers are sampled, and three seeds lie between -0.051 and +0.008"


def ends_higher(variant: str):
    """Claim that RL ends higher after a variant of PEAR than after plain SFT."""
    return claim(
        f"RL ends with a higher score in {variant}_then_rl than in short_sft_then_short_rl",
        cites="arXiv:2602.01058v1, levels of weights (second-hand)",
        increase_by=0.01,
        unit=UNIT,
        requires=[weights_differ(variant), reward_rises("short_sft", "short_sft_then_short_rl")],
        undecided=SAMPLED,
    )


@ends_higher("pear_sft_by_block")
def test_rl_after_weights_of_blocks_ends_with_a_higher_score(
    short_sft_then_short_rl, pear_sft_by_block_then_rl, prompts, decide, table
):
    table("pear", pear.score_rows(pear_sft_by_block_then_rl, prompts))
    decide(pear.lead(pear_sft_by_block_then_rl, short_sft_then_short_rl, prompts))


@ends_higher("pear_sft_by_sequence")
def test_rl_after_weights_of_sequences_ends_with_a_higher_score(
    short_sft_then_short_rl, pear_sft_by_sequence_then_rl, prompts, decide, table
):
    table("pear", pear.score_rows(pear_sft_by_sequence_then_rl, prompts))
    decide(pear.lead(pear_sft_by_sequence_then_rl, short_sft_then_short_rl, prompts))


@claim(
    "RL after PEAR ends with a higher score than after SFT with a constant weight",
    cites="no claim of arXiv:2602.01058v1: a control",
    increase_by=0.01,
    unit=UNIT,
    requires=[weights_differ("pear_sft"), reward_rises("pear_sft", "pear_sft_then_rl")],
    undecided=SAMPLED,
)
def test_rl_after_pear_ends_with_a_higher_score_than_after_a_constant_weight(
    pear_sft_then_rl, sft_with_a_constant_weight_then_rl, prompts, decide, table
):
    table("pear", pear.score_rows(sft_with_a_constant_weight_then_rl, prompts))
    decide(pear.lead(pear_sft_then_rl, sft_with_a_constant_weight_then_rl, prompts))
