"""Where RL without a penalty stops, the closed form of its reward says whether the loss rose."""

import pytest

from coupling_bench import claim
from coupling_bench.measures.validity import wrong_signs


@claim(
    "The SFT loss changes as the closed form of the same reward says, but for a tenth of cells",
    cites="derived from Eq. 8 of arXiv:2601.07389v1, with beta solved from the reward; share of "
    "cells with another sign",
    not_increase_by=0.1,
    unit="share",
)
@pytest.mark.parametrize("part", ["whole_map"], scope="session")
def test_the_loss_change_has_the_sign_of_the_closed_form(loss_cells, decide):
    decide(wrong_signs(loss_cells))
