"""R1 (b): gradient and Hessian of the SFT loss where RL starts say what RL does to it.

The remainder is of third order in the distance s, so a quarter is allowed where s is small: within
a tenth of the way that RL goes. Over the whole way R^2 is asked, nothing fitted, of each seed.
"""

from coupling_bench import claim

SOURCE = "derived: Taylor; arXiv:2601.07389v2, abstract"


@claim(
    "Gradient and Hessian at the end of SFT predict the loss change of a short RL within a quarter",
    cites=SOURCE,
    not_increase_by=0.25,
    unit="largest |predicted - measured| over measured, within a tenth of RL's way",
)
def test_derived_the_second_order_predicts_the_loss_change_nearby(loss_changes, decide):
    decide([change.relative_error for change in loss_changes])


@claim(
    "Gradient and Hessian at the end of SFT explain nine tenths of the loss change along all of RL",
    cites=SOURCE,
    increase_by=0.9,
    unit="R^2, nothing fitted",
)
def test_derived_the_second_order_explains_the_loss_change_of_all_of_rl(loss_changes, decide):
    decide([change.explained for change in loss_changes])
