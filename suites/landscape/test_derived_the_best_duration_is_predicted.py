"""R2: how long RL should run, from how it begins.

U(t) = [J(t) - J(0)] - lambda [L(t) - L(0)]. That U has a peak inside is no evidence, some lambda
always gives one; that a model of RL's beginning finds it is. The weights are a half, one and two
times lambda_0, and each best step is asked within a factor of 2. The reward counts as saturated
where the last third of the steps brings under a twentieth of its gain.

Where a best step lies within the first third, the fit has seen it and describes rather than
foretells: the table of durations holds ``last_seen`` beside each.
"""

from math import log

import numpy as np
import pytest

from coupling_bench import claim, theorem
from coupling_bench.measures import duration
from coupling_bench.requirements.flow import loss_rises_along, reward_saturates

SOURCE = "derived: arXiv:2601.07389v2, abstract, optimal RL duration"
UNIT = "largest |log(predicted / observed step)| over the weights"


def preconditions(node):
    return [loss_rises_along(node), reward_saturates(node, below=0.05)]


@claim(
    "A saturating reward and a growing loss, fitted to the first third of RL's flow, predict its "
    "best step within a factor of 2",
    cites=SOURCE,
    not_increase_by=log(2),
    unit=UNIT,
    requires=preconditions("flow_sft_then_rl"),
    undecided="the prediction is off by about a factor of 2, which is the margin",
)
def test_derived_saturation_predicts_the_best_duration_of_the_flow(
    flow_sft_then_rl, demonstrations, decide, table
):
    curves = duration.curves(flow_sft_then_rl, demonstrations)
    table("duration", duration.rows(curves))
    table("pareto", duration.front(curves))
    decide(duration.off_by_saturation(curves))


@claim(
    "The derivatives of reward and loss at the end of SFT predict the best step of RL's flow "
    "within a factor of 2",
    cites=SOURCE,
    not_increase_by=log(2),
    unit=UNIT,
    requires=preconditions("flow_sft_then_rl"),
)
def test_derived_the_start_predicts_the_best_duration_of_the_flow(
    flow_sft_then_rl, demonstrations, decide
):
    decide(duration.off_by_quadratic(duration.curves(flow_sft_then_rl, demonstrations)))


@claim(
    "A saturating reward and a growing loss, fitted to the first third of GRPO, predict its best "
    "step within a factor of 2",
    cites=SOURCE,
    not_increase_by=log(2),
    unit=UNIT,
    requires=preconditions("sft_then_rl"),
)
def test_derived_saturation_predicts_the_best_duration_of_grpo(
    sft_then_rl, demonstrations, decide, table
):
    curves = duration.curves(sft_then_rl, demonstrations)
    table("duration", duration.rows(curves))
    table("pareto", duration.front(curves))
    decide(duration.off_by_saturation(curves))


@claim(
    "The best step of {rl} comes no later where the SFT loss weighs more",
    cites=SOURCE,
    not_increase_by=0.5,  # of a step: none at all
    unit="most steps that it comes later from a weight to the next",
)
@pytest.mark.parametrize("rl", ["flow_sft_then_rl", "sft_then_rl"])
def test_derived_the_best_duration_falls_in_the_weight(node, rl, demonstrations, decide):
    found = [duration.by_weight(curve)[0] for curve in duration.curves(node(rl), demonstrations)]
    decide([np.diff(steps).max() for steps in found])


@theorem(
    "Where the SFT loss weighs more the best snapshot of RL has no more of it",
    cites="derived: revealed preference, exact for any curves",
)
@pytest.mark.parametrize("rl", ["flow_sft_then_rl", "sft_then_rl"])
def test_derived_the_loss_paid_falls_in_the_weight(node, rl, demonstrations, check):
    found = [duration.by_weight(curve)[1] for curve in duration.curves(node(rl), demonstrations)]
    check(-np.diff(found, axis=1), tolerance=1e-12, unit="nats/sequence")
