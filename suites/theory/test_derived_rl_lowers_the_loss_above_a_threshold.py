"""R3: by gradient or by epsilon, where a move must lower the loss, and where it must raise it."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theory.landscape import threshold

DERIVED = "derived; arXiv:2601.07389v2 names a 'non-decoupling threshold', its text is not at hand"
UNIT, ROUNDING = "share of the loss's scale", 1e-12
LEAST_CASES = 500


def norms(m):
    return np.linalg.norm(m.gradient, axis=1)


def signed(losses, falls, rises):
    """-dL where the loss must fall, dL where it must rise, relative to the loss's scale."""
    fall = np.concatenate([-(m.change / m.scale)[falls(m)] for m in losses])
    rise = np.concatenate([(m.change / m.scale)[rises(m)] for m in losses])
    assert min(len(fall), len(rise)) > LEAST_CASES
    return np.concatenate([fall, rise])


@theorem(
    "the loss falls where ||g_L|| > M s / (2 c), and rises where ||g_L|| < kappa s / (2 c)",
    cites=DERIVED,
    assumes="M-smooth; curvature of at least kappa on the way; c = -cos(g_L, Delta)",
)
def test_the_gradient_guarantees_the_sign(losses, check):
    def told(m, what):
        given = zip(norms(m), m.distance, m.descent, m.curvature, m.smoothness, strict=True)
        return np.array([threshold.guaranteed(*one) == what for one in given])

    slack = signed(losses, lambda m: told(m, "falls"), lambda m: told(m, "rises"))
    check(slack, tolerance=ROUNDING, unit=UNIT)


@theorem(
    "the loss falls where epsilon > M^2 s^2 / (8 mu c^2), and rises where epsilon < "
    "kappa^2 s^2 / (8 M c^2)",
    cites=DERIVED,
    assumes="the same, and PL",
)
def test_epsilon_guarantees_the_sign(losses, check):
    def falls(m):
        bound = threshold.least_epsilon_to_fall(m.distance, m.descent, m.smoothness, m.mu)
        return m.sub_optimality > bound

    def rises(m):
        bound = threshold.most_epsilon_to_rise(m.distance, m.descent, m.curvature, m.smoothness)
        return m.sub_optimality < bound

    check(signed(losses, falls, rises), tolerance=ROUNDING, unit=UNIT)


@theorem(
    "the loss falls wherever ||g_L|| >= kappa s / (2 c), c > 0: one threshold, not two",
    cites="true of a quadratic, where kappa is the whole curvature",
    false=True,
)
def test_between_the_two_thresholds_nothing_is_decided(losses, check):
    def slack(m):
        bound = threshold.most_gradient_to_rise(m.distance, m.descent, m.curvature)
        return -(m.change / m.scale)[(m.descent > 0) & (norms(m) >= bound)]

    check(slack(losses[-1]), tolerance=ROUNDING, unit=UNIT)


@theorem(
    "RL that starts against the SFT gradient (c > 0) lowers the SFT loss",
    cites="the first order alone",
    false=True,
)
def test_a_descent_direction_is_not_enough(losses, check):
    slack = np.concatenate([-(m.change / m.scale)[m.descent > 0.1] for m in losses])
    check(slack, tolerance=ROUNDING, unit=UNIT)
