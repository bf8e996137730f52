"""RL after SFT with something against forgetting: does it lose less where it has gained as much?

Replay is a joint stage with a small weight, on the demonstrations that SFT did not come to; the KL
penalty is GRPO's own, to the SFT checkpoint. What they hold back of the reward must not count for
them, so the losses are compared where both have the lower of the two end rewards.

On ``grammar`` the penalty of 0.1 is refuted: GRPO divides rewards by their group's spread, so that
the advantage of a rare wrong answer outweighs it, and 40 steps end long before both balance. So is
replay: it slows RL down, and at the reward that both reach each has lost as much.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures import equal_reward
from coupling_bench.requirements import exact_reward_change, loss_change, reward_rises
from coupling_bench.requirements.schedules import reward_reached


@claim(
    "{held} loses less of the SFT loss than RL alone at equal reward",
    cites="arXiv:2510.18874 (Retaining by Doing), which says that it is not the KL term",
    decrease_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("short_sft", "short_sft_then_rl"),
        reward_rises("short_sft", "sft_then_rl_with_replay"),
        reward_rises("short_sft", "sft_then_rl_with_kl"),
    ],
    beside=[
        reward_reached("sft_then_rl_with_replay", "short_sft_then_rl"),
        reward_reached("sft_then_rl_with_kl", "short_sft_then_rl"),
        loss_change("short_sft_then_rl", "sft_then_rl_with_replay"),
        loss_change("short_sft_then_rl", "sft_then_rl_with_kl"),
        exact_reward_change("short_sft_then_rl", "sft_then_rl_with_replay"),
        exact_reward_change("short_sft_then_rl", "sft_then_rl_with_kl"),
    ],
    undecided="replay's three seeds lie between -0.019 and +0.005 nats, and about 13 would decide",
)
@pytest.mark.parametrize("held", ["sft_then_rl_with_replay", "sft_then_rl_with_kl"])
def test_rl_held_to_sft_keeps_the_loss_at_equal_reward(
    short_sft_then_rl, node, held, prompts, decide, table
):
    table("equal_reward", equal_reward.rows(node(held), short_sft_then_rl, prompts))
    decide(equal_reward.loss_difference(node(held), short_sft_then_rl, prompts))
