"""H3: RL from the end of SFT brings back out of domain what SFT forgot, and nothing beyond it.

Both are asked of the same RL; what it restores, of SFT that is continued instead for as many steps
too, which must not. Where SFT has forgotten nothing there is nothing to restore.

RL sharpens: it gives the answers that are likelier already more of the probability, which is
accuracy too. The likelier answer stands beside each effect: on grammar RL passes SFT's peak by
0.051 [0.039, 0.063] while the likelier answer is true less often (-0.030 [-0.055, -0.005]). On
another processor, whose base is another one, five seeds end near the peak (-0.013 [-0.052, 0.027])
and what RL brings back (0.065) is nothing of the likelier answer's either (-0.014).

On arithmetic nothing is forgotten, and RL goes 0.085 [0.018, 0.152] beyond SFT's peak: steps that
RL makes surer under one rule are steps under the other too.
"""

from coupling_bench import claim
from coupling_bench.measures import healing
from coupling_bench.requirements import judges_sentences, reward_rises
from coupling_bench.requirements.healing import (
    forgets,
    lost_and_restored,
    of_the_likelier_answer,
    share_restored,
)

SOURCE = "arXiv:2509.12235, RL restores and does not create (H3)"


@claim(
    "RL from the end of SFT raises the accuracy out of domain that SFT has lost",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy out of domain",
    requires=[
        forgets(),
        judges_sentences("long_sft"),
        reward_rises("long_sft", "long_sft_then_rl"),
    ],
    undecided="seeds differ by twice the mean (0.065 [-0.008, 0.139] over five seeds, grammar)",
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
    requires=[judges_sentences("long_sft"), reward_rises("long_sft", "long_sft_then_rl")],
    undecided="of some bases RL ends near the peak (-0.013 [-0.052, 0.027], five seeds, grammar)",
    beside=[of_the_likelier_answer("long_sft_then_rl", since_peak=True)],
)
def test_rl_creates_nothing_beyond_the_peak(long_sft, long_sft_then_rl, decide):
    decide(healing.beyond_peak(long_sft_then_rl, long_sft))


@claim(
    "SFT that goes on for as many steps as RL does not restore what it forgot",
    cites="no claim of the paper: the control of a second stage that is SFT again",
    not_increase_by=0.01,
    unit="accuracy out of domain",
    requires=[forgets(), judges_sentences("long_sft")],
    undecided="out of domain single snapshots move by as much (-0.07 to 0.02), up and down",
)
def test_continued_sft_restores_nothing(long_sft, long_sft_then_sft, decide, table):
    table("restored", healing.against_peak(long_sft_then_sft, long_sft))
    decide(healing.restored(long_sft_then_sft, long_sft))
