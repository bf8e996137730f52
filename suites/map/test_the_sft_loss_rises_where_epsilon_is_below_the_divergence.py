"""RL raises the SFT loss exactly where the demonstrators end farther from it than they were."""

import pytest

from coupling_bench import theorem
from coupling_bench.measures.validity import column, columns
from coupling_bench.pipelines.validity import PARTS


@theorem(
    "The SFT loss changes by E KL(p_D || p_RL) - epsilon, the boundary is where it is 0",
    cites="derived from L(p) = H(p_D) + E KL(p_D || p), arXiv:2601.07389v1, section 3",
    assumes="any demonstrators, any start, any RL",
)
@pytest.mark.parametrize("part", PARTS, scope="session")
def test_the_sft_loss_rises_where_epsilon_is_below_the_divergence(loss_cells, check):
    boundary = column(loss_cells, "kl_demonstrators_rl") - column(loss_cells, "epsilon")
    check(
        -abs(column(loss_cells, "loss_change") - boundary),
        tolerance=1e-9,
        unit="nats/sequence",
        where=columns(loss_cells, "label_noise", "sft_step", "rl_step", "seed"),
    )
