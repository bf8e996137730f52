"""H1: out of domain the accuracy of SFT peaks on the way and then falls, in domain it still rises.

Accuracy is the probability of earning the reward. A peak is chosen on half of the items and scored
on the other half, by seed.
"""

from coupling_bench import claim
from coupling_bench.healing_requirements import ALONG, forgets
from coupling_bench.measures import healing

SOURCE = "arXiv:2509.12235v1, OOD forgetting (H1)"


@claim(
    "Out of domain the accuracy of SFT falls from its peak to its end",
    cites=SOURCE,
    increase_by=0.01,
    unit="accuracy, at the peak minus at the end",
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
    requires=[forgets()],
)
def test_sft_still_learns_in_domain_while_it_forgets(long_sft, decide):
    decide(healing.rise_in_domain(long_sft))
