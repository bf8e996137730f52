"""H4: RL from too early or too late a moment of SFT gains less out of domain than from between.

The reduced window has three starts; all eight are in suites/neighbours_full/healing.
"""

from coupling_bench import claim
from coupling_bench.measures import window
from coupling_bench.requirements import reward_rises


@claim(
    "RL gains more out of domain from the middle of SFT than from either end of it",
    cites="arXiv:2509.12235v1, a window of SFT lengths (H4)",
    increase_by=0.01,
    unit="accuracy out of domain, gain from the middle minus the larger of both ends'",
    requires=[reward_rises("long_sft", "long_sft_then_rl")],
)
def test_rl_gains_most_from_the_middle_of_sft(
    long_sft, long_sft_32_then_rl, long_sft_128_then_rl, long_sft_then_rl, decide, table
):
    arms = (long_sft_32_then_rl, long_sft_128_then_rl, long_sft_then_rl)
    for rl in arms:
        table("window", window.starts(rl, long_sft))
    decide(window.above_both_ends(*(window.gain(rl, long_sft) for rl in arms)))
