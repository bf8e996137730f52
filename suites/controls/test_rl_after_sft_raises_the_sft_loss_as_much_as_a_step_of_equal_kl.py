"""RL costs the SFT loss what a step without any purpose costs that changes the answers as much.

From p_SFT = p_D the rise is E KL(p_SFT || p), whatever led to p. Where epsilon is not 0 either rise
may be off by sqrt(2 epsilon V) to first order, V being the variance of log p_SFT/p under p_SFT:
some 0.1 nats for an epsilon of .005 and a policy that became sure of its answers.
"""

from coupling_bench import claim, sft_loss
from coupling_bench.measures.controls import beside_rl
from coupling_bench.requirements import (
    judges_sentences,
    loss_change,
    loss_change_ratio,
    near_optimum,
    reward_rises,
)


@claim(
    "RL after SFT raises the SFT loss as much as a random step of equal KL does",
    cites="derived from arXiv:2601.07389v1, Theorem 3.1, whose C1 is E KL(p_D || p_RL)",
    equal_within=0.1,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        near_optimum("sft", below=0.02),
        judges_sentences("sft_then_rl"),
    ],
    beside=[
        loss_change("sft", "sft_then_step_of_equal_kl"),
        loss_change_ratio("sft", "sft_then_rl", "sft_then_step_of_equal_kl"),
    ],
)
def test_rl_after_sft_raises_the_sft_loss_as_much_as_a_step_of_equal_kl(
    sft, sft_then_rl, sft_then_step_of_equal_kl, demonstrations, decide, table
):
    table("controls", beside_rl(sft_then_step_of_equal_kl, sft, sft_then_rl, demonstrations))
    decide(
        sft_loss(sft_then_rl, demonstrations) - sft_loss(sft_then_step_of_equal_kl, demonstrations)
    )
