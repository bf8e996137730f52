"""Without a penalty the SFT loss goes on rising when the reward hardly does.

Eq. 8 has no optimum at beta 0, so a change of the loss without the step or the reward at which RL
stopped is no number to compare. The tables hold the whole curve, and the change at equal reward.
"""

from coupling_bench import claim
from coupling_bench.measures.stopping import at_equal_reward, late_loss_rise, stopping
from coupling_bench.requirements import judges_sentences, reward_rises

REWARDS = (0.85, 0.9, 0.95, 0.98)


@claim(
    "RL without a KL penalty goes on raising the SFT loss over the last 0.02 of reward",
    cites="derived: Eq. 8 of arXiv:2601.07389v1 needs beta > 0",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        judges_sentences("sft"),
        judges_sentences("sft_then_rl"),
    ],
)
def test_rl_without_a_penalty_raises_the_sft_loss_until_it_stops(
    sft_then_rl, demonstrations, decide, table
):
    table("stopping", stopping(sft_then_rl, demonstrations))
    table("at_equal_reward", at_equal_reward(sft_then_rl, demonstrations, REWARDS))
    decide(late_loss_rise(sft_then_rl, demonstrations, within=0.02))
