"""R1 (a): where g_L = 0 a small move changes the loss by Delta' H_L Delta / 2, no less than 0.

The sign alone is asked, as that is what the theory gives; it is also what any move from an optimum
does. The margin is 0. SFT has reached its optimum to a fiftieth of a nat, as elsewhere.
"""

from coupling_bench import claim
from coupling_bench.measures.landscape_change import rows
from coupling_bench.requirements.flow import flow_near_optimum


@claim(
    "Gradient ascent on the reward from the end of SFT raises the SFT loss",
    cites="derived: arXiv:2601.07389v2, abstract, under the PL inequality",
    increase_by=0.0,
    unit="nats/sequence",
    requires=[flow_near_optimum("flow_sft", below=0.02)],
)
def test_derived_rl_from_the_sft_optimum_raises_the_loss(loss_changes, decide, table):
    table("second_order", rows(loss_changes))
    decide([change.loss_change[-1] for change in loss_changes])
