"""How far a policy went from the base says how much it has forgotten, whatever took it there."""

from coupling_bench import claim
from coupling_bench.forgetting_requirements import (
    beside,
    each_seed,
    knows_out_of_domain,
    something_is_forgotten,
)
from coupling_bench.measures import razor_fits
from coupling_bench.pipelines.trainers import BOTH_ORDERS

PAPERS_LEAST = 0.71
"""R squared of the paper's quadratic fit to language models; of its toy, ParityMNIST, .96."""


@claim(
    "Forgetting is a quadratic function of the forward KL from the base, whatever the algorithm",
    cites="arXiv:2509.04259, RL's Razor, at second hand",
    increase_by=PAPERS_LEAST,
    unit="R squared",
    requires=[knows_out_of_domain("base"), something_is_forgotten(BOTH_ORDERS, above=0.02)],
    beside=[
        beside("rank correlation of forgetting with forward KL", "Spearman's rho", BOTH_ORDERS,
               razor_fits.rank_correlation, note="1: who goes farther forgets more, in any form"),
        beside("R squared of a line through the origin", "R squared", BOTH_ORDERS,
               lambda points: razor_fits.r_squared(points, "linear")),
    ],
)  # fmt: skip
def test_forgetting_is_a_function_of_forward_kl(both_orders, of_session, decide, table):
    rows = razor_fits.fit_rows(both_orders, over="both orders of every trainer")
    if len(of_session) > len(both_orders):
        rows += razor_fits.fit_rows(of_session, over="every stage of the session")
    table("razor", razor_fits.point_rows(of_session))
    table("razor_fits", rows)
    decide(each_seed(razor_fits.r_squared, both_orders))
