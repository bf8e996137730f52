"""RL's rise of the SFT loss is not what any second stage of training does."""

from coupling_bench import claim, sft_loss
from coupling_bench.requirements import (
    judges_sentences,
    loss_change,
    near_optimum,
    reward_rises,
)


@claim(
    "RL after SFT raises the SFT loss more than continued SFT does",
    cites="no claim of the paper: a control of arXiv:2601.07389v1, Theorem 3.1",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        near_optimum("sft", below=0.02),
        judges_sentences("sft_then_rl"),
    ],
    beside=[loss_change("sft", "sft_then_rl"), loss_change("sft", "sft_then_sft")],
)
def test_rl_after_sft_raises_the_sft_loss_more_than_continued_sft_does(
    sft_then_rl, sft_then_sft, demonstrations, decide
):
    decide(sft_loss(sft_then_rl, demonstrations) - sft_loss(sft_then_sft, demonstrations))
