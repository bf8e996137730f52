"""At equal forward KL it does not matter what a policy learnt from.

By what trained last, SFT or online RL, along both orders: one curve for all and a shift for RL.
"""

from coupling_bench import claim
from coupling_bench.forgetting_requirements import (
    beside,
    each_seed,
    knows_out_of_domain,
    something_is_forgotten,
)
from coupling_bench.measures import razor_fits
from coupling_bench.pipelines.trainers import BOTH_ORDERS

RL, SFT = ("GRPO", "RLOO"), ("SFT",)


@claim(
    "RL forgets as much as SFT does at equal forward KL from the base",
    cites="arXiv:2509.04259, RL's Razor, at second hand",
    equal_within=0.02,
    unit="accuracy forgotten by RL minus by SFT, at equal forward KL",
    requires=[knows_out_of_domain("base"), something_is_forgotten(BOTH_ORDERS, above=0.02)],
    beside=[
        beside("the same of DPO against SFT", "accuracy", BOTH_ORDERS,
               lambda points: razor_fits.at_equal_divergence(points, ("DPO",), SFT)),
    ],
)  # fmt: skip
def test_rl_forgets_as_much_as_sft_at_equal_forward_kl(both_orders, decide):
    decide(each_seed(lambda found: razor_fits.at_equal_divergence(found, RL, SFT), both_orders))
