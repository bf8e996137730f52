"""At the tilted optimum the SFT loss has changed by E log Z - J_D / beta.

The tolerance is a third of the predicted change, so that the prediction is told from none and from
twice itself. To first order a divergence K from the optimum p* moves the loss by at most
sqrt(2 chi^2(p_D || p*) K). Where p_SFT = p_D errs at 10 % that is a third of the prediction at a K
of about .001, whichever of the three betas it is; the K of .01 at which the optimum counts as
reached could move it by as much as the whole prediction, so this is more than a consequence.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures.fixed_point import relative_loss_change
from coupling_bench.requirements import at_tilted_optimum, judges_sentences


@claim(
    "{penalised} changes the SFT loss as the tilted optimum predicts",
    cites="arXiv:2601.07389v1, Theorem 3.1, Eq. 11; for a start that is not p_D, derived",
    equal_within=1 / 3,
    unit="share of the predicted change, less 1",
    requires=[
        judges_sentences("sft"),
        at_tilted_optimum("sft_then_rl_at_beta_half", "sft", below=0.01),
        at_tilted_optimum("sft_then_rl_at_beta_1", "sft", below=0.01),
        at_tilted_optimum("sft_then_rl_at_beta_2", "sft", below=0.01),
    ],
)
@pytest.mark.parametrize(
    "penalised",
    ["sft_then_rl_at_beta_half", "sft_then_rl_at_beta_1", "sft_then_rl_at_beta_2"],
)
def test_the_tilted_optimum_predicts_the_sft_loss(sft, node, penalised, demonstrations, decide):
    decide(relative_loss_change(node(penalised), sft, demonstrations) - 1.0)
