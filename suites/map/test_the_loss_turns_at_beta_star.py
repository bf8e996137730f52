"""RL lowers the SFT loss above the KL penalty beta* and raises it below."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.crossings import off_by
from coupling_bench.measures.thresholds import of_beta
from coupling_bench.measures.validity import rows, threshold_betas
from coupling_bench.pipelines.validity import penalised

pytestmark = pytest.mark.usefixtures("map_rl", *penalised().values())


@claim(
    "RL leaves the SFT loss as it is at beta*, within a factor of 1.25",
    cites="derived from Eq. 8 of arXiv:2601.07389v1; |log(measured / predicted)|, mean over label "
    "noises that have a beta* among the penalties",
    not_increase_by=0.223,  # log 1.25
    unit="log ratio",
)
def test_the_loss_turns_at_beta_star(penalised_cells, node, size, table, decide):
    table("map_sft_then_rl", rows(penalised_cells, size))
    found = of_beta(penalised_cells, lambda noise: threshold_betas(node("map_rl"), noise))
    table("thresholds", [crossing.row(size) for crossing in found])
    decide(off_by(found, relative=True))
