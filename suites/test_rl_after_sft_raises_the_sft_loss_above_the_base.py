"""RL after SFT raises the SFT loss above the base model's, which had no SFT at all."""

from coupling_bench import claim, sft_loss
from coupling_bench.requirements import at_best_temperature, judges_sentences


@claim(
    "RL after SFT raises the SFT loss above the base model's",
    cites="arXiv:2601.07389v1, section 5; Figure 3a",
    increase_by=0.0,
    unit="nats/sequence",
    requires=[judges_sentences("sft"), judges_sentences("sft_then_rl")],
    beside=[at_best_temperature("base", "sft_then_rl")],
)
def test_rl_after_sft_raises_the_sft_loss_above_the_base(base, sft_then_rl, demonstrations, decide):
    decide(sft_loss(sft_then_rl, demonstrations) - sft_loss(base, demonstrations))
