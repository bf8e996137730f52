"""GRPO, which samples, moves the SFT loss to the same side as RL by exact gradients."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.validity import other_signs, rows
from coupling_bench.pipelines.validity import sampled

pytestmark = pytest.mark.usefixtures(*sampled().values())


@claim(
    "GRPO moves the SFT loss to the same side as RL by exact gradients",
    cites="own control of the map of validity; share of cells, of the same steps, whose change has "
    "another sign",
    not_increase_by=0.1,
    unit="share",
)
@pytest.mark.parametrize("part", ["whole_map"], scope="session")
def test_grpo_moves_the_sft_loss_as_exact_rl_does(grpo_cells, loss_cells, size, table, decide):
    table("map_sft_then_rl", rows(grpo_cells, size))
    decide(other_signs(grpo_cells, loss_cells))
