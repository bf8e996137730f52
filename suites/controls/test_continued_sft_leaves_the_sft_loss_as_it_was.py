"""SFT continued on the same demonstrations: the do-nothing arm of a second stage."""

from coupling_bench import claim, sft_loss
from coupling_bench.measures.controls import beside_rl
from coupling_bench.requirements import exact_reward_change, judges_sentences, near_optimum


@claim(
    "Continued SFT leaves the SFT loss as it was",
    cites="no claim of the paper: the control of a second stage that is SFT again",
    equal_within=0.02,
    unit="nats/sequence",
    requires=[near_optimum("sft", below=0.02), judges_sentences("sft")],
    beside=[exact_reward_change("sft", "sft_then_sft")],
)
def test_continued_sft_leaves_the_sft_loss_as_it_was(
    sft, sft_then_sft, sft_then_rl, demonstrations, decide, table
):
    table("controls", beside_rl(sft_then_sft, sft, sft_then_rl, demonstrations))
    decide(sft_loss(sft_then_sft, demonstrations) - sft_loss(sft, demonstrations))
