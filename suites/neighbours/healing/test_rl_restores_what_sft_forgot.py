"""H3: RL from the end of SFT brings back out of domain what SFT forgot, and nothing beyond it.

Both are asked of the same RL; what it restores, of SFT that is continued instead for as many steps
too, which must not. Where SFT has forgotten nothing there is nothing to restore.
"""

from coupling_bench import claim
from coupling_bench.healing_requirements import (
    forgets,
    lost_and_restored,
    of_the_likelier_answer,
    share_restored,
)
from coupling_bench.measures import healing
from coupling_bench.requirements import reward_rises

SOURCE = "arXiv:2509.12235v1, RL restores and does not create (H3)"


@claim(
    "RL from the end of SFT raises the accuracy out of domain that SFT has lost",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy out of domain",
    requires=[forgets(), reward_rises("long_sft", "long_sft_then_rl")],
    beside=[
        *lost_and_restored("long_sft_then_rl"),
        share_restored("long_sft_then_rl"),
        of_the_likelier_answer("long_sft_then_rl", since_peak=False),
    ],
)
def test_rl_restores_what_sft_forgot(long_sft, long_sft_then_rl, decide, table):
    table("restored", healing.against_peak(long_sft_then_rl, long_sft))
    decide(healing.restored(long_sft_then_rl, long_sft))


@claim(
    "RL from the end of SFT gets no further out of domain than SFT's own peak",
    cites=SOURCE,
    not_increase_by=0.01,
    unit="accuracy out of domain, after RL minus at SFT's peak",
    requires=[reward_rises("long_sft", "long_sft_then_rl")],
    beside=[of_the_likelier_answer("long_sft_then_rl", since_peak=True)],
)
def test_rl_creates_nothing_beyond_the_peak(long_sft, long_sft_then_rl, decide):
    decide(healing.beyond_peak(long_sft_then_rl, long_sft))


@claim(
    "SFT that goes on for as many steps as RL does not restore what it forgot",
    cites="no claim of the paper: the control of a second stage that is SFT again",
    not_increase_by=0.01,
    unit="accuracy out of domain",
    requires=[forgets()],
)
def test_continued_sft_restores_nothing(long_sft, long_sft_then_sft, decide, table):
    table("restored", healing.against_peak(long_sft_then_sft, long_sft))
    decide(healing.restored(long_sft_then_sft, long_sft))
