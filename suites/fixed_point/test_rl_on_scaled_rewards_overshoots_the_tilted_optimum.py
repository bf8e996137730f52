"""RL whose rewards are divided by their group's spread ends beyond the tilted optimum.

GRPO divides by the spread unless it is told not to, and that is another objective: the rarer the
wrong answers of a group, the more each weighs. With all answers counted no penalty holds such a
policy back at beta 1, and it would go to p = 1; in groups of G a rare wrong answer has an advantage
of -sqrt(G) instead of -2, as at beta 2 / sqrt(G). The margin is what counts as reached in the suite
of the unscaled rewards, turned to the loss: a third of the predicted change.
"""

from coupling_bench import claim
from coupling_bench.measures.fixed_point import fixed_points, relative_loss_change
from coupling_bench.requirements import beyond_tilted_reward, judges_sentences, reward_rises


@claim(
    "RL on scaled rewards raises the SFT loss beyond the tilted optimum's",
    cites="derived: Eq. 8 of arXiv:2601.07389v1 is not the fixed point of scale_rewards='group'",
    increase_by=1 / 3,
    unit="share of the predicted change, less 1",
    requires=[judges_sentences("sft"), reward_rises("sft", "sft_then_rl_at_beta_1_scaled")],
    beside=[beyond_tilted_reward("sft_then_rl_at_beta_1_scaled", "sft")],
)
def test_rl_on_scaled_rewards_overshoots_the_tilted_optimum(
    sft, sft_then_rl_at_beta_1_scaled, demonstrations, decide, table
):
    table("fixed_points", fixed_points(sft_then_rl_at_beta_1_scaled, sft, demonstrations))
    decide(relative_loss_change(sft_then_rl_at_beta_1_scaled, sft, demonstrations) - 1.0)
