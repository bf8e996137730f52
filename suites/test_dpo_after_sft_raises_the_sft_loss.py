"""DPO started from an SFT optimum raises the SFT loss."""

from coupling_bench import claim, sft_loss
from coupling_bench.requirements import (
    at_best_temperature,
    divergence,
    judges_sentences,
    near_optimum,
    nearer_to_optimum,
    reward_rises,
)


@claim(
    "DPO after SFT raises the SFT loss",
    cites="arXiv:2601.07389v1, Theorem 3.1, Eq. 11, which shows GRPO only; "
    "extension to DPO, Rafailov et al., arXiv:2305.18290",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft", "sft_then_dpo"),
        near_optimum("sft", below=0.02),
        nearer_to_optimum("sft", than="base", share=0.5),
        judges_sentences("sft"),
        judges_sentences("sft_then_dpo"),
    ],
    beside=[at_best_temperature("sft", "sft_then_dpo"), divergence("sft", "sft_then_dpo")],
)
def test_dpo_after_sft_raises_the_sft_loss(sft, sft_then_dpo, demonstrations, decide):
    decide(sft_loss(sft_then_dpo, demonstrations) - sft_loss(sft, demonstrations))
