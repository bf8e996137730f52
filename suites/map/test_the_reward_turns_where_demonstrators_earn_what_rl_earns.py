"""SFT after RL turns from raising the reward to lowering it at the label noise with J_D = J_RL."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.crossings import off_by
from coupling_bench.measures.thresholds import of_label_noise
from coupling_bench.pipelines.validity import PARTS


@claim(
    "{part}: SFT after RL leaves the reward where J_D = J_RL, within 0.02 of label noise",
    cites="derived; arXiv:2601.07389v1, Theorem 4.1, knows no such threshold",
    not_increase_by=0.02,
    unit="label noise",
)
@pytest.mark.parametrize("part", PARTS, scope="session")
def test_the_reward_turns_where_demonstrators_earn_what_rl_earns(reward_cells, size, table, decide):
    found = of_label_noise(reward_cells)
    table("thresholds", [crossing.row(size) for crossing in found])
    decide(off_by(found, relative=False))
