"""RL after SFT costs more than where nothing but the answers' frequencies could be learnt.

The control is another policy's effect and no part of this one: RL that can learn the likelier
answer alone becomes sure of it, and may lose more than the whole. How much of the effect itself is
in the answers' frequencies stands beside it, by the chain rule.
"""

from coupling_bench import claim, sft_loss
from coupling_bench.measures.controls import by_prior
from coupling_bench.requirements import (
    ability_change,
    frequency_shift_change,
    judges_nothing,
    loss_change,
    near_optimum,
    reward_rises,
)


@claim(
    "RL after SFT raises the SFT loss more than with the label prior alone",
    cites="no claim of the paper: a control of arXiv:2601.07389v1, Theorem 3.1 and Figure 3a",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        near_optimum("sft", below=0.02),
        judges_nothing("prior_sft", within=0.2),
        judges_nothing("prior_sft_then_rl", within=0.2),
    ],
    beside=[
        loss_change("sft", "sft_then_rl"),
        loss_change("prior_sft", "prior_sft_then_rl"),
        frequency_shift_change("sft", "sft_then_rl"),
        ability_change("sft", "sft_then_rl"),
    ],
)
def test_rl_after_sft_raises_the_sft_loss_more_than_with_the_label_prior_alone(
    sft, sft_then_rl, prior_sft, prior_sft_then_rl, demonstrations, decide, table
):
    whole = sft_loss(sft_then_rl, demonstrations) - sft_loss(sft, demonstrations)
    prior = sft_loss(prior_sft_then_rl, demonstrations) - sft_loss(prior_sft, demonstrations)
    table("prior", by_prior("loss", whole, prior, sft.seeds))
    decide(whole - prior)
