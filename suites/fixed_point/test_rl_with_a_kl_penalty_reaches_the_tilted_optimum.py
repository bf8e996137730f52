"""RL with a KL penalty ends at the tilted optimum of Eq. 8.

What GRPO with groups of G goes to is the optimum at beta G / (G - 1), and that is what it is
compared with: the mean that it subtracts holds the reward itself. SFT's own distance from the three
optima is .27, .10 and .03 nats where p_SFT = p_D errs at 10 %, so 0.01 is no matter of course.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures.fixed_point import fixed_points, kl_to_tilted
from coupling_bench.requirements import judges_sentences


@claim(
    "{penalised} ends at the tilted optimum",
    cites="arXiv:2601.07389v1, Eq. 8; beta G / (G - 1), for groups of G, is derived",
    not_increase_by=0.01,
    unit="nats/sequence",
    requires=[judges_sentences("sft")],
)
@pytest.mark.parametrize(
    "penalised",
    ["sft_then_rl_at_beta_half", "sft_then_rl_at_beta_1", "sft_then_rl_at_beta_2"],
)
def test_rl_with_a_kl_penalty_reaches_the_tilted_optimum(
    sft, node, penalised, prompts, decide, table
):
    table("fixed_points", fixed_points(node(penalised), sft, prompts))
    decide(kl_to_tilted(node(penalised), sft, prompts))
