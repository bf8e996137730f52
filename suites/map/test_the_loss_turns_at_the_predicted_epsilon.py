"""RL turns from lowering the SFT loss to raising it at a sub-optimality that can be predicted."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.crossings import off_by
from coupling_bench.measures.thresholds import of_epsilon


@claim(
    "RL leaves the SFT loss as it is at the epsilon of the closed form, within a factor of 1.5",
    cites="derived from Eq. 8 of arXiv:2601.07389v1, with beta solved from the reward; "
    "|log(measured / predicted)|, mean over label noises and lengths of RL that have a crossing",
    not_increase_by=0.405,  # log 1.5
    unit="log ratio",
)
@pytest.mark.parametrize("part", ["whole_map"], scope="session")
def test_the_loss_turns_at_the_predicted_epsilon(loss_cells, size, table, decide):
    found = of_epsilon(loss_cells)
    table("thresholds", [crossing.row(size) for crossing in found])
    decide(off_by(found, relative=True))
