"""RL after SFT costs more than sureness: one fitted temperature does not bring the loss back."""

from coupling_bench import claim, sft_loss_at_best_temperature
from coupling_bench.requirements import (
    judges_sentences,
    loss_change,
    near_optimum,
    reward_rises,
)


@claim(
    "RL after SFT raises the SFT loss beyond what one temperature restores",
    cites="no claim of the paper: a control of arXiv:2601.07389v1, Theorem 3.1",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_rl"),
        near_optimum("sft", below=0.02),
        judges_sentences("sft_then_rl"),
    ],
    beside=[loss_change("sft", "sft_then_rl")],
)
def test_rl_after_sft_raises_the_sft_loss_beyond_what_one_temperature_restores(
    sft, sft_then_rl, demonstrations, decide
):
    decide(
        sft_loss_at_best_temperature(sft_then_rl, demonstrations)
        - sft_loss_at_best_temperature(sft, demonstrations)
    )
