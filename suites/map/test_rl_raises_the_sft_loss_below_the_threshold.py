"""Whatever RL does, it raises the SFT loss where SFT is nearer to its optimum than a threshold."""

import pytest

from coupling_bench import theorem
from coupling_bench.measures.validity import below_threshold, column, columns, rows
from coupling_bench.pipelines.validity import PARTS


@theorem(
    "RL raises the SFT loss by 2 (J_RL - J_D)^2 / w^2 - epsilon, where that is above 0",
    cites="derived from Pinsker's inequality; it is not in arXiv:2601.07389",
    assumes="any demonstrators, any start, any RL; in the whole map ten cells a seed or more",
)
@pytest.mark.parametrize("part", PARTS, scope="session")
def test_rl_raises_the_sft_loss_below_the_threshold(loss_cells, grid, size, table, check):
    table("map_sft_then_rl", rows(loss_cells, size))
    cells = below_threshold(loss_cells, at_least=grid.forced)
    least = column(cells, "lower_bound") - column(cells, "epsilon")
    check(
        column(cells, "loss_change") - least,
        tolerance=0.0,
        unit="nats/sequence",
        where=columns(cells, "label_noise", "sft_step", "rl_step", "seed", "loss_change"),
    )
