"""A curve fitted to all methods but one says what that one forgets.

Of likeliest answers it says less than the mean of the others does: SFT, which goes least far,
forgets as many of them as RL, which goes four times as far.
"""

from coupling_bench import claim
from coupling_bench.measures.razor_fits import r_squared_of_methods_left_out
from coupling_bench.pipelines.razor import COMPARED
from coupling_bench.requirements.forgetting import (
    each_seed,
    knows_out_of_domain,
    something_is_forgotten,
)

SOURCE = "derived: arXiv:2509.04259, RL's Razor, whatever the algorithm"
HALF = 0.5
"""Of what is left by the mean of the other methods."""
REQUIRED = (knows_out_of_domain("base"), something_is_forgotten(COMPARED, above=0.02))


@claim(
    "The forward KL foretells what a method forgets from what other methods forget",
    cites=SOURCE,
    increase_by=HALF,
    unit="R squared of methods left out",
    requires=REQUIRED,
    undecided="a third to two fifths is foretold, just short of the margin",
)
def test_forward_kl_foretells_what_another_method_forgets(compared, decide):
    decide(each_seed(r_squared_of_methods_left_out, compared))


@claim(
    "The forward KL foretells how many likeliest answers a method forgets from others",
    cites=SOURCE,
    increase_by=HALF,
    unit="R squared of methods left out",
    requires=REQUIRED,
    undecided="SFT forgets several times as many likeliest answers with one seed as with another",
)
def test_forward_kl_foretells_how_many_choices_another_method_forgets(compared_choices, decide):
    decide(each_seed(r_squared_of_methods_left_out, compared_choices))
