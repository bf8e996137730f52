"""RL after SFT on gold demonstrations does not raise the SFT loss.

Where every demonstration earns the largest reward, the closed form that the paper takes RL to reach
makes each of them likelier, whatever SFT has reached: log Z <= r_max / beta. SFT is cut short here,
where the reward is about that after annotators: SFT in full would leave RL nothing to gain.
"""

from coupling_bench import claim, sft_loss
from coupling_bench.measures.demonstrators import demonstrators
from coupling_bench.requirements import at_best_temperature, judges_sentences, reward_rises


@claim(
    "RL after SFT on gold demonstrations does not raise the SFT loss",
    cites="derived from Eq. 8 of arXiv:2601.07389v1: the sign law of log Z - r/beta; "
    "against the wording of its Theorem 3.1, not against its equation",
    not_increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft_gold", "sft_gold_then_rl"),
        judges_sentences("sft_gold"),
        judges_sentences("sft_gold_then_rl"),
    ],
    beside=[at_best_temperature("sft_gold", "sft_gold_then_rl")],
)
def test_rl_after_sft_on_gold_demonstrations_does_not_raise_the_sft_loss(
    sft, sft_then_rl, sft_gold, sft_gold_then_rl, demonstrations, decide, table
):
    table("demonstrators", demonstrators("worse", sft, sft_then_rl, demonstrations))
    table("demonstrators", demonstrators("gold", sft_gold, sft_gold_then_rl, demonstrations))
    decide(sft_loss(sft_gold_then_rl, demonstrations) - sft_loss(sft_gold, demonstrations))
