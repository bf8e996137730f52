"""SFT after RL lowers the reward if the demonstrators earn less than RL, and raises it if more."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.validity import at_the_end, rows, wrong_signs
from coupling_bench.pipelines.validity import PARTS


@claim(
    "{part}: SFT after RL moves the reward to the demonstrators, but for a tenth of cells",
    cites="derived; arXiv:2601.07389v1, Theorem 4.1, says that it falls; share of cells whose "
    "change has another sign than J_D - J_RL",
    not_increase_by=0.1,
    unit="share",
)
@pytest.mark.parametrize("part", PARTS, scope="session")
def test_sft_after_rl_moves_the_reward_to_the_demonstrators(reward_cells, size, table, decide):
    table("map_rl_then_sft", rows(reward_cells, size))
    decide(wrong_signs(at_the_end(reward_cells)))
