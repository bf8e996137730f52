"""R3: SFT checkpoints by lengths of RL, exact and in fp64: when RL improves SFT, when it cannot.

Margins are from theory: signs against 0, and of the threshold's slope half of the distance to a
threshold that grew linearly or with the third power.
"""

import numpy as np
import pytest

from coupling_bench import claim, theorem
from coupling_bench.measures import non_decoupling
from coupling_bench.measures.non_decoupling import changes, crossing_slopes, crossings

DERIVED = "derived; arXiv:2601.07389v2 names a 'non-decoupling threshold', its text is not at hand"
ROUNDING = 1e-12


def where(cells):
    return [f"seed {c.seed}, SFT step {c.sft_step}, RL step {c.rl_step}" for c in cells]


@claim(
    "RL can improve SFT: short RL from the base lowers the SFT loss",
    cites=DERIVED,
    decrease_by=0.0,
    unit="nats/sequence",
    undecided="one step is short, and five seeds differ in how much it moves",
)
def test_short_rl_from_the_base_lowers_the_sft_loss(cells, table, decide):
    table("non_decoupling", [cell.row for cell in cells])
    common = non_decoupling.at_common_lengths(cells)
    decide(changes(common, 0, min(c.rl_step for c in common)))


@claim("Long RL from the end of SFT raises the SFT loss", cites=DERIVED,
       increase_by=0.0, unit="nats/sequence")  # fmt: skip
def test_long_rl_from_the_end_of_sft_raises_the_sft_loss(cells, decide):
    common = non_decoupling.at_common_lengths(cells)
    end, longest = max(c.sft_step for c in common), max(c.rl_step for c in common)
    decide(changes(common, end, longest))


@claim(
    "The change of the SFT loss turns from falling to rising as SFT nears its optimum, but for a "
    "tenth of RL's lengths",
    cites=f"{DERIVED}; share of lengths at which some nearer checkpoint falls and a farther rises",
    not_increase_by=0.1,
    unit="share",
)
def test_the_loss_turns_from_falling_to_rising_as_sft_nears_its_optimum(cells, decide):
    decide(non_decoupling.disordered(non_decoupling.at_common_lengths(cells)))


@claim(
    "The epsilon at which the SFT loss turns grows with the square of RL's distance",
    cites=f"{DERIVED}; log-log slope minus 2, at a constant angle between RL and the SFT gradient",
    equal_within=0.5,
    unit="slope",
)
def test_the_threshold_grows_with_the_square_of_the_distance(cells, table, decide):
    common = non_decoupling.at_common_lengths(cells)
    found = crossings(common)
    table("epsilon_crossings", [*found, *crossings(common, of="second_order")])
    try:
        slopes = crossing_slopes(found, sorted({cell.seed for cell in cells}))
    except ValueError as error:  # there is no threshold among these checkpoints to judge
        pytest.skip(str(error))
    low, high = non_decoupling.bootstrap(slopes)
    table("epsilon_crossing_slope", [{"slope": float(slopes.mean()), "low": low, "high": high}])
    decide(slopes - 2)


@theorem(
    "RL lowers the SFT loss where ||g_L|| > M s / (2 c) or epsilon > M^2 s^2 / (8 mu c^2), and "
    "raises it where ||g_L|| < kappa s / (2 c) or epsilon < kappa^2 s^2 / (8 M c^2)",
    cites=DERIVED,
    assumes="M and mu as on SFT's own path, kappa as taken on RL's straight way",
)
def test_no_cell_has_the_other_sign_than_is_guaranteed(cells, check):
    signs = {"falls": -1.0, "rises": 1.0}
    told = [
        (cell, signs[said] * cell.loss_change)
        for cell in cells
        for said in (cell.guaranteed, cell.guaranteed_by_epsilon)
        if said in signs
    ]
    slack = [slack for _, slack in told]
    check(slack, tolerance=ROUNDING, unit="nats/sequence", where=where([c for c, _ in told]))


@theorem(
    "RL changes the SFT loss by 2 (J_RL - J_D)^2 / w^2 - epsilon or more",
    cites="derived from Pinsker's inequality; it is not in arXiv:2601.07389v1",
    assumes="any SFT checkpoint, any RL",
)
def test_no_cell_changes_the_loss_by_less_than_its_reward_asks(cells, check):
    slack = np.array([cell.loss_change - cell.least_change for cell in cells])
    check(slack, tolerance=ROUNDING, unit="nats/sequence", where=where(cells))


@theorem(
    "where RL has lowered the SFT loss, more RL lowers it too",
    cites="the threshold where RL improves SFT, read as the one where more RL costs nothing",
    false=True,
)
def test_rl_that_has_improved_sft_may_already_be_undoing_it(cells, check):
    improved = [cell for cell in cells if cell.rl_improved_sft]
    if not improved:
        pytest.skip("No RL lowered the SFT loss: start it farther from SFT's optimum.")
    slack = [-cell.marginal_cost for cell in improved]
    check(slack, tolerance=ROUNDING, unit="nats/reward", where=where(improved))
