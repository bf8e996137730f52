"""A curve fitted to all methods but one says what that one forgets."""

from coupling_bench import claim
from coupling_bench.forgetting_requirements import (
    each_seed,
    knows_out_of_domain,
    something_is_forgotten,
)
from coupling_bench.measures import razor_fits
from coupling_bench.pipelines.trainers import BOTH_ORDERS


@claim(
    "The forward KL foretells what a method forgets from what other methods forget",
    cites="derived: arXiv:2509.04259, RL's Razor, whatever the algorithm",
    increase_by=0.5,  # half of what is left by the mean of the other methods
    unit="R squared of methods left out",
    requires=[knows_out_of_domain("base"), something_is_forgotten(BOTH_ORDERS, above=0.02)],
)
def test_forward_kl_foretells_what_another_method_forgets(both_orders, decide):
    decide(each_seed(razor_fits.r_squared_of_methods_left_out, both_orders))
