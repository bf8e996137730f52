"""H1: out of domain the accuracy of SFT peaks on the way and then falls, in domain it still rises.

Accuracy is the probability of earning the reward. A peak is chosen on half of the items and scored
on the other half, by seed. On grammar the peak is the base or close to it: pretraining has seen the
kinds of sentences that SFT does not, so that SFT has little to gain there and something to forget.
On CoLA the peak is the end: the embedded model, which hardly tells its sentences apart, grows surer
all along, while its likelier answer is true less often (0.63 of the time, and 0.69 at first).
"""

from coupling_bench import claim
from coupling_bench.measures import healing
from coupling_bench.requirements import judges_sentences
from coupling_bench.requirements.healing import ALONG, forgets

SOURCE = "arXiv:2509.12235, OOD forgetting (H1)"


@claim(
    "Out of domain the accuracy of SFT falls from its peak to its end",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy, at the peak minus at the end",
    requires=[judges_sentences("long_sft")],
    undecided="three seeds forget too unlike amounts; five decide (0.078 [0.036, 0.120], grammar)",
    beside=ALONG,
)
def test_sft_forgets_out_of_domain(long_sft, decide, table):
    table("healing", healing.course(long_sft))
    decide(healing.forgotten(long_sft))


@claim(
    "While SFT forgets out of domain its accuracy in domain rises",
    cites=SOURCE,
    increase_by=0.0,
    unit="accuracy, at the end minus at the peak out of domain",
    requires=[forgets(), judges_sentences("long_sft")],
    undecided="from snapshot to snapshot accuracy in domain moves by more than it has yet to rise",
)
def test_sft_still_learns_in_domain_while_it_forgets(long_sft, decide):
    decide(healing.rise_in_domain(long_sft))
