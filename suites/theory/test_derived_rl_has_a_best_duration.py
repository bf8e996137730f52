"""R2: the best duration of RL in closed form, and what a peak of the utility is evidence of."""

import numpy as np
import pytest

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.landscape.duration import (
    Saturation,
    best_snapshot,
    exchange_rate,
    fit_saturation,
    quadratic_duration,
)

DERIVED = "derived; arXiv:2601.07389v2 names an 'optimal RL duration', its text is not at hand"
GRID = np.linspace(0, 1, 401)
RATES = ("rate", "gain", "curvature")


@pytest.fixture
def draw():
    """Random numbers, the same for each test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def saturations():
    """Two thousand, over two decades of each number, with a weight each."""
    numbers = 10.0 ** np.random.default_rng(0).uniform(-1, 1, (2000, 4))
    return [
        (Saturation(**dict(zip(RATES, three, strict=True))), weight) for *three, weight in numbers
    ]


@theorem(
    "U(t) = A t - B t^2 / 2 is largest at A / B if both are positive, and else at an end",
    cites=DERIVED,
    assumes="J and L quadratic in time",
)
def test_the_duration_of_a_quadratic_utility_is_its_argmax(draw, check):
    names = ("reward_slope", "loss_slope", "reward_curvature", "loss_curvature")
    slacks = []
    for *numbers, weight, last in zip(
        *draw.normal(size=(4, 3000)), *draw.uniform(0.1, 3, (2, 3000)), strict=True
    ):
        j1, l1, j2, l2 = numbers
        given = dict(zip(names, numbers, strict=True))
        found = quadratic_duration(**given, weight=weight, last=last)
        time = np.append(GRID * last, found)
        utility = (j1 - weight * l1) * time + (j2 - weight * l2) * time**2 / 2
        slacks.append(utility[-1] - utility.max())
    check(slacks, tolerance=1e-12, unit="reward")


@theorem(
    "U(t) = A t - B t^2 / 2 is largest at 0 wherever A <= 0",
    cites="the duration by its first derivative, where B may be negative",
    false=True,
)
def test_a_utility_that_falls_at_first_can_be_best_at_the_end(check):
    """Reward that accelerates: A = -1, B = -4, a run of length 1."""
    utility_at_end = -1.0 + 4.0 / 2
    check(-utility_at_end, tolerance=0.0, unit="reward")


@theorem(
    "U(t) is largest at t* = W(4 mu_J^2 gain / (lambda kappa_L)) / (2 mu_J)",
    cites=DERIVED,
    assumes="a reward that saturates and a loss that grows quadratically",
)
def test_the_duration_of_a_saturating_reward_is_its_argmax(saturations, check):
    slacks = []
    for saturation, weight in saturations:
        best = saturation.best_duration(weight)
        utility = saturation.utility(np.append(GRID * 2 * best, best), weight)
        slacks.append((utility[-1] - utility.max()) / saturation.gain)
    check(slacks, tolerance=1e-12, unit="gain")


@theorem(
    "t* falls in lambda and in kappa_L, and rises in what the reward can still gain",
    cites=DERIVED,
    assumes="the same",
)
def test_the_duration_falls_with_the_price_of_the_loss(saturations, check):
    slacks = []
    for s, weight in saturations:
        best = s.best_duration(weight)
        dearer = Saturation(rate=s.rate, gain=s.gain, curvature=1.1 * s.curvature)
        richer = Saturation(rate=s.rate, gain=1.1 * s.gain, curvature=s.curvature)
        slacks += [best - s.best_duration(1.1 * weight), best - dearer.best_duration(weight)]
        slacks += [richer.best_duration(weight) - best]
    check(slacks, tolerance=0.0, unit="time")


@theorem(
    "the best snapshot of a run is never later for a larger lambda, whatever its curves",
    cites="derived: revealed preference, where the loss rises",
    assumes="a loss that never falls",
)
def test_a_dearer_loss_never_makes_the_best_run_longer(draw, check):
    slacks = []
    for _ in range(2000):
        reward = draw.normal(size=20).cumsum()
        loss = draw.uniform(size=20).cumsum()
        best = [best_snapshot(reward, loss, weight) for weight in (0.0, 0.3, 1.0, 3.0)]
        slacks += [*-np.diff(best), -abs(best[0] - reward.argmax())]
    check(slacks, tolerance=0.0, unit="snapshots")


def concave_and_convex(draw):
    """A concave rising reward and a convex rising loss, of 41 points over a time of one."""
    steps = [np.sort(draw.exponential(size=40)) for _ in range(2)]
    return (np.append(0, steps[0][::-1].cumsum()), np.append(0, steps[1].cumsum()))


@theorem(
    "at lambda_0 = (J_T - J_0) / (L_T - L_0) the best duration lies inside the run",
    cites="derived: U is concave and as large at the end as at the start",
    assumes="any concave J and convex L: a peak is no evidence for any further theory",
)
def test_a_peak_is_found_whatever_the_curves(draw, check):
    slacks = []
    for _ in range(2000):
        reward, loss = concave_and_convex(draw)
        best = best_snapshot(reward, loss, exchange_rate(reward, loss))
        slacks.append(min(best, len(reward) - 1 - best) - 1)
    check(slacks, tolerance=0.0, unit="snapshots")


@theorem(
    "t* of the saturation fitted to a third of a run is within a factor of 2 of the best duration",
    cites="the prediction that the derived result is judged by, of any concave J and convex L",
    false=True,
)
def test_a_prediction_of_the_duration_can_fail(check):
    """A reward that rises linearly and a loss that rises late."""
    time = np.linspace(0, 1, 41)
    reward, loss = time, time**8
    weight = exchange_rate(reward, loss)
    best = time[best_snapshot(reward, loss, weight)]
    fitted = fit_saturation(*(curve[:14] for curve in (time, reward, loss)))
    check(
        np.log(2) - abs(np.log(fitted.best_duration(weight) / best)), tolerance=0, unit="log ratio"
    )


@theorem("the saturation of curves that are one is found again", cites="the curves themselves")
def test_a_saturation_is_found_again_from_its_curves(saturations, check):
    found = []
    for s, _ in saturations[:100]:
        time = GRID[::20] / s.rate
        fitted = fit_saturation(time, s.utility(time, 0.0), s.curvature * time**2 / 2)
        found.append([getattr(fitted, name) / getattr(s, name) for name in RATES])
    check(agreement(found, 1.0), tolerance=1e-6, unit="ratio")
