"""R1: a move's effect on the loss, held by gradients, smoothness and the PL inequality."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.landscape import change

KARIMI = "derived from Karimi, Nutini and Schmidt, arXiv:1608.04636; arXiv:2601.07389v2 names PL"
UNIT, ROUNDING = "share of the loss's scale", 1e-12


def over_losses(losses, slack):
    """Slacks of all moves, relative to what the loss is made of there."""
    return np.concatenate([slack(m) / m.scale for m in losses])


def squares(gradient):
    return (gradient**2).sum(axis=1)


@theorem("dL = <g_L, Delta> + Delta' H_L Delta / 2 on a quadratic", cites="Taylor")
def test_the_second_order_is_exact_on_a_quadratic(losses, check):
    def slack(m):
        return -np.abs(m.change - change.second_order(m.slope, m.curvature * m.distance**2))

    check(over_losses(losses[:-1], slack), tolerance=ROUNDING, unit=UNIT)


@theorem("dL <= <g_L, Delta> + M s^2 / 2", cites="the descent lemma", assumes="an M-smooth loss")
def test_smoothness_bounds_the_loss_from_above(losses, check):
    def slack(m):
        return change.most_change(m.slope, m.smoothness, m.distance) - m.change

    check(over_losses(losses, slack), tolerance=ROUNDING, unit=UNIT)


@theorem(
    "||grad L(theta_T)||^2 / (2 M) - epsilon <= dL <= ||grad L(theta_T)||^2 / (2 mu) - epsilon",
    cites=KARIMI,
    assumes="an M-smooth mu-PL loss, convex or not",
)
def test_the_gradient_at_the_end_holds_the_loss_from_both_sides(losses, check):
    def least(m):
        norm = squares(m.last_gradient)
        return m.change - change.least_change(norm, m.smoothness, m.sub_optimality)

    def most(m):
        norm = squares(m.last_gradient)
        return change.most_change_by_pl(norm, m.mu, m.sub_optimality) - m.change

    slacks = [over_losses(losses, slack) for slack in (least, most)]
    check(np.concatenate(slacks), tolerance=ROUNDING, unit=UNIT)


@theorem("L - L* >= mu dist(theta, Theta*)^2 / 2", cites=KARIMI, assumes="a mu-PL loss")
def test_pl_makes_the_loss_grow_with_the_distance_from_its_optima(losses, check):
    def slack(m):
        reached = m.sub_optimality + m.change
        return reached - change.quadratic_growth(m.mu, m.distance_to_optima)

    check(over_losses(losses, slack), tolerance=ROUNDING, unit=UNIT)


@theorem(
    "any move from an SFT optimum raises the SFT loss by mu s^2 / 2",
    cites="RL increases SFT loss, arXiv:2601.07389v2, without a condition: PL allows flat optima",
    false=True,
)
def test_a_move_among_the_optima_costs_nothing(check):
    """Two weights of which the loss knows one, moved along the other."""
    values, move = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    rise = change.second_order(0.0, float(values @ move**2))
    check(rise - change.quadratic_growth(1.0, 1.0), tolerance=0.0, unit="nats/sequence")


@theorem(
    "on the flow of a quadratic the slope of log ||grad L||^2 by log (L - L*) is at least 1, and "
    "is that of ``slope_of_a_flow``",
    cites="derived (Cauchy-Schwarz); the slope against central differences",
)
def test_the_slope_on_the_way_is_above_one(spectra, check):
    values, excess = spectra
    formula, step = change.slope_of_a_flow(values, excess), 1e-5 / values[:, :1]
    ends = [excess * np.exp(-2 * values * t) for t in (-step, step)]
    logs = [
        np.log([(2 * values * e).sum(axis=1), e.sum(axis=1)]) for e in ends
    ]  # ||grad L||^2 = sum of 2 lambda_i excess_i
    numeric = (logs[1] - logs[0])[0] / (logs[1] - logs[0])[1]
    slacks = [formula - 1, agreement(formula, numeric)]
    check(np.concatenate(slacks), tolerance=1e-6, unit="slope")


@theorem(
    "on the flow of a PL loss the slope of log ||grad L||^2 by log (L - L*) is at most 1.2",
    cites="the PL inequality read as a slope, away from the optimum",
    false=True,
)
def test_a_slope_above_one_is_no_evidence_against_pl(spectra, check):
    """A quadratic of two unlike curvatures satisfies PL and has it."""
    check(1.2 - change.slope_of_a_flow(*spectra), tolerance=0.0, unit="slope")
