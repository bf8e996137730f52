"""R2: how long RL should run, from how it begins.

U(t) = [J(t) - J(0)] - lambda [L(t) - L(0)]. That U has a peak inside is no evidence, some lambda
always gives one; that a model of RL's beginning finds it is. The weights are a half, one and two
times lambda_0, and each best step is asked within a factor of 2. The reward counts as saturated
where the last third of the steps brings under a twentieth of its gain.
"""

from math import log

import pytest

from coupling_bench import claim, theorem
from coupling_bench.flow_requirements import loss_rises_along, reward_saturates
from coupling_bench.measures import duration

SOURCE = "derived: arXiv:2601.07389v2, abstract, optimal RL duration"
FACTOR = {
    "not_increase_by": log(2),
    "unit": "largest |log(predicted / observed step)| over the weights",
}


def preconditions(node):
    return [loss_rises_along(node), reward_saturates(node, below=0.05)]


@claim(
    "A saturating reward and a growing loss, fitted to the first third, predict the best step of "
    "RL's flow within a factor of 2",
    cites=SOURCE,
    requires=preconditions("flow_sft_then_rl"),
    **FACTOR,
)
def test_derived_saturation_predicts_the_best_duration_of_the_flow(flow_curves, decide, table):
    table("duration", duration.rows(flow_curves))
    table("pareto", duration.front(flow_curves))
    decide(duration.off_by_saturation(flow_curves))


@claim(
    "The derivatives of reward and loss at the end of SFT predict the best step of RL's flow "
    "within a factor of 2",
    cites=SOURCE,
    requires=preconditions("flow_sft_then_rl"),
    **FACTOR,
)
def test_derived_the_start_predicts_the_best_duration_of_the_flow(flow_curves, decide):
    decide(duration.off_by_quadratic(flow_curves))


@claim(
    "A saturating reward and a growing loss, fitted to the first third, predict the best step of "
    "GRPO within a factor of 2",
    cites=SOURCE,
    requires=preconditions("sft_then_rl"),
    **FACTOR,
)
def test_derived_saturation_predicts_the_best_duration_of_grpo(grpo_curves, decide, table):
    table("duration", duration.rows(grpo_curves))
    table("pareto", duration.front(grpo_curves))
    decide(duration.off_by_saturation(grpo_curves))


@theorem(
    "The best snapshot of RL comes no later where a nat of SFT loss weighs more and the loss rises",
    cites="derived: revealed preference",
    assumes="the SFT loss rises from each best snapshot to the next",
)
@pytest.mark.parametrize("curves", ["flow_curves", "grpo_curves"])
def test_derived_the_best_duration_falls_in_the_weight(curves, request, check):
    check(
        duration.falls_in_the_weight(request.getfixturevalue(curves)), tolerance=0.0, unit="steps"
    )
