"""The bounds at every pair of checkpoints: within each run, and of all final ones."""

import numpy as np
import pytest

from coupling_bench import theorem
from coupling_bench.measures.invariants import slacks

ROUNDING = 1e-5
"""Log-probabilities are computed in fp32: probabilities add up to one within 1e-6, and so do what
losses and rewards are made of. Ten times that."""


@pytest.fixture
def hold(every_pair, table, check):
    """Check one bound at every pair, and show each run's least slack."""

    def hold(bound, unit):
        found = slacks(bound, every_pair)
        table("bounds", [one.row for one in found])
        slack = np.concatenate([one.slack for one in found])
        names = [name for one in found for name in one.names]
        check(slack, tolerance=ROUNDING, unit=unit, where=names)

    return hold


@theorem(
    "|J(p2) - J(p1)| <= R_max sqrt(2 E KL) for any two checkpoints, in either direction",
    cites="arXiv:2601.07389v1, Proposition 1, two-sided by symmetry",
)
def test_proposition_1_holds_of_any_two_checkpoints(hold):
    hold("Proposition 1", "reward")


@theorem(
    "|J(p2) - J(p1)| <= w sqrt(E KL / 2) for any two checkpoints, in either direction",
    cites="Pinsker's inequality; sharper than arXiv:2601.07389v1, Proposition 1",
)
def test_the_width_form_of_proposition_1_holds_of_any_two_checkpoints(hold):
    hold("Pinsker", "reward")


@theorem(
    "L(p2) - L(p1) >= 2 (J(p2) - J_D)^2 / w^2 - epsilon(p1) for any two checkpoints",
    cites="derived from Pinsker's inequality; not in arXiv:2601.07389v1",
)
def test_the_loss_rises_as_the_reward_leaves_the_demonstrators_for_any_two_checkpoints(hold):
    hold("Non-decoupling threshold", "nats/sequence")


@theorem(
    "L(p2) - L(p1) = E KL(p_D || p2) - epsilon(p1) for any two checkpoints",
    cites="the identity behind arXiv:2601.07389v1, Theorem 3.1",
)
def test_the_loss_changes_by_the_divergence_from_the_demonstrators(hold):
    hold("KL identity", "nats/sequence")
