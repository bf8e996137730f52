"""Who learns from answers of its own keeps more of what it knew, though it gains as much.

The paper compares at equal gain on the new task. Out of domain a stage is observed at its end
alone, so nothing is interpolated along it: RL has to gain more than SFT, and to forget less.
"""

from coupling_bench import claim, expected_reward
from coupling_bench.forgetting_requirements import choices_forgotten, knows_out_of_domain
from coupling_bench.measures.razor import PRIOR
from coupling_bench.requirements import divergence, reward_rises


@claim(
    "RL gains more than SFT from the same base and forgets less",
    cites="arXiv:2510.18874, Retaining by Doing; arXiv:2509.04259, RL's Razor; at second hand",
    decrease_by=0.01,
    unit="accuracy",
    requires=[knows_out_of_domain("base"), reward_rises("sft", "rl")],
    beside=[choices_forgotten("rl", "sft"), divergence("rl", "base"), divergence("sft", "base")],
)
def test_rl_gains_more_and_forgets_less_than_sft(sft, rl, decide):
    decide((expected_reward(sft, PRIOR) - expected_reward(rl, PRIOR)) / 2)
