"""RL after SFT in other words than it rewards raises the SFT loss, gold as the labels are.

The paper's own experiment has gold labels, and a verifier that is strict on a format which the
demonstrations do not have (section 5.2). Its loss can then rise through the form alone: the suite
of the label part says what is left of it.
"""

from coupling_bench import claim
from coupling_bench.measures.form import change, formats
from coupling_bench.measures.loss import loss_curve
from coupling_bench.requirements import judges_sentences, reward_rises
from coupling_bench.views import form_part_change


@claim(
    "RL after SFT in other words raises the SFT loss",
    cites="arXiv:2601.07389v1, section 5.2 and Figure 3a",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        reward_rises("sft_in_other_words", "sft_in_other_words_then_rl"),
        judges_sentences("sft_in_other_words"),
        judges_sentences("sft_in_other_words_then_rl"),
    ],
    beside=[form_part_change("sft_in_other_words_then_rl")],
)
def test_rl_after_sft_in_other_words_raises_the_sft_loss(
    sft_in_other_words, sft_in_other_words_then_rl, demonstrations, decide, table
):
    table("formats", formats(sft_in_other_words, demonstrations))
    table("formats", formats(sft_in_other_words_then_rl, demonstrations))
    decide(change(loss_curve, sft_in_other_words_then_rl, demonstrations))
