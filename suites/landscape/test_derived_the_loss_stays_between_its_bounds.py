"""R1 (c): smoothness and PL hold the loss between bounds, with constants from SFT's own path.

M and mu are properties of a region. That they were measured along SFT and hold along RL is an
assumption, and what is asked here; the inequalities are theorems where it is met. A tenth of the
change is allowed for a path being sampled at a few points.
"""

import pytest

from coupling_bench import claim


@claim(
    "With M and mu of the SFT path, RL's loss change stays within its bound: {bound}",
    cites="derived from Karimi, Nutini and Schmidt, arXiv:1608.04636, section 2",
    not_increase_by=0.1,
    unit="most that the bound is overstepped, as a share of the loss change",
)
@pytest.mark.parametrize("bound", ["lower", "upper", "upper_by_pl"])
def test_derived_the_loss_stays_between_its_bounds(loss_changes, bound, decide):
    decide([change.overstepped(bound) for change in loss_changes])
