"""RL's rise of the SFT loss is not what any step of its length does."""

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
    "RL after SFT raises the SFT loss more than a random step of equal norm does",
    cites="no claim of the paper: a control of arXiv:2601.07389v1, Theorem 3.1",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        near_optimum("sft", below=0.02),
        judges_sentences("sft_then_rl"),
    ],
    beside=[
        loss_change("sft", "sft_then_step_of_equal_norm"),
        loss_change_ratio("sft", "sft_then_rl", "sft_then_step_of_equal_norm"),
    ],
)
def test_rl_after_sft_raises_the_sft_loss_more_than_a_step_of_equal_norm(
    sft, sft_then_rl, sft_then_step_of_equal_norm, demonstrations, decide, table
):
    table("controls", beside_rl(sft_then_step_of_equal_norm, sft, sft_then_rl, demonstrations))
    decide(
        sft_loss(sft_then_rl, demonstrations)
        - sft_loss(sft_then_step_of_equal_norm, demonstrations)
    )
