"""RL after SFT in other words does not raise the part of the SFT loss that is the label's.

The labels are gold: under Eq. 8 the true label in the rewarded form gains on everything else, so
the true label gains in all its forms together.
"""

from coupling_bench import claim
from coupling_bench.measures.form import change, label_loss_curve
from coupling_bench.requirements import judges_sentences, reward_rises
from coupling_bench.views import form_part_change


@claim(
    "RL after SFT in other words does not raise the label part of the SFT loss",
    cites="derived from Eq. 8 of arXiv:2601.07389v1: the sign law, summed over forms",
    not_increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft_in_other_words", "sft_in_other_words_then_rl"),
        judges_sentences("sft_in_other_words"),
        judges_sentences("sft_in_other_words_then_rl"),
    ],
    beside=[form_part_change("sft_in_other_words_then_rl")],
)
def test_rl_after_sft_in_other_words_does_not_raise_the_label_part(
    sft_in_other_words_then_rl, demonstrations, decide
):
    decide(change(label_loss_curve, sft_in_other_words_then_rl, demonstrations))
