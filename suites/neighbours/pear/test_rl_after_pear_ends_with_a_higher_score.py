"""P2 of PEAR: SFT with its weights prepares for RL, better than plain SFT and than its controls.

A control has PEAR's weights without what they say of each token: shuffled among the tokens of a
batch, or taken together as a smaller learning rate.

On ``grammar`` it is refuted. A clip from -0.08 to 0.3 lets an answer weigh more where the policy
finds it likelier than the demonstrators do, whether right or wrong, and hardly less where not: SFT
keeps more of what the policy was mistaken in, and RL, short, starts lower. On arithmetic RL ends a
hundredth lower than after plain SFT (-0.013 [-0.023, -0.004]), and where it ends after a matched
rate.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures import pear
from coupling_bench.requirements import reward_rises
from coupling_bench.requirements.pear import mean_weight, weights_differ

CONTROLS = (
    "short_sft_then_short_rl",
    "sft_with_shuffled_weights_then_rl",
    "sft_at_a_matched_rate_then_rl",
)


@claim(
    "RL ends with a higher score in pear_sft_then_rl than in {other}",
    cites="arXiv:2602.01058v1, abstract (second-hand); controls are none of the paper",
    increase_by=0.01,
    unit="probability of the reward",
    requires=[weights_differ("pear_sft"), reward_rises("pear_sft", "pear_sft_then_rl")],
    beside=[mean_weight("pear_sft")],
    undecided="on arithmetic answers are sampled, and three seeds lie between -0.016 and +0.021",
)
@pytest.mark.parametrize("other", CONTROLS)
def test_rl_after_pear_ends_with_a_higher_score(pear_sft_then_rl, node, other, prompts, decide):
    decide(pear.lead(pear_sft_then_rl, node(other), prompts))
