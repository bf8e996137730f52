"""At equal forward KL it does not matter what a policy learnt from.

By what trained last, SFT or online RL, along both orders: one curve for all, and a shift for RL.
"""

from coupling_bench import claim
from coupling_bench.measures.razor_fits import at_equal_divergence
from coupling_bench.pipelines.razor import COMPARED
from coupling_bench.requirements.forgetting import (
    each_seed,
    equally_far,
    knows_out_of_domain,
    something_is_forgotten,
)

SOURCE = "arXiv:2509.04259, RL's Razor, at second hand"
RL, SFT = ("GRPO", "RLOO"), ("SFT",)
REQUIRED = (
    knows_out_of_domain("base"),
    something_is_forgotten(COMPARED, above=0.02),
    equally_far(COMPARED, RL, SFT, within=1.5),
)
UNIT = "accuracy forgotten by RL minus by SFT"


@claim(
    "RL forgets as much as SFT does at equal forward KL from the base",
    cites=SOURCE,
    equal_within=0.02,
    unit=UNIT,
    requires=REQUIRED,
)
def test_rl_forgets_as_much_as_sft_at_equal_forward_kl(compared, decide):
    decide(each_seed(lambda points: at_equal_divergence(points, RL, SFT), compared))


@claim(
    "RL forgets as many likeliest answers as SFT does at equal forward KL from the base",
    cites=SOURCE,
    equal_within=0.02,
    unit=UNIT,
    requires=REQUIRED,
    undecided="SFT forgets several times as many likeliest answers with one seed as with another",
)
def test_rl_forgets_as_many_choices_as_sft_at_equal_forward_kl(compared_choices, decide):
    decide(each_seed(lambda points: at_equal_divergence(points, RL, SFT), compared_choices))
