"""Best durations of curves whose best durations are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.measures import duration
from coupling_bench.measures.duration import Curve

STEPS = np.linspace(0, 120, 241)


def curve(reward, loss, steps=STEPS, **options):
    return Curve(run="exact flow", seed=0, steps=steps, reward=reward, loss=loss, **options)


@given(st.floats(0.01, 0.05), st.floats(0.1, 1), st.floats(1e-4, 1e-3))
def test_a_reward_that_saturates_is_predicted_to_the_nearest_snapshot(rate, gain, bend):
    """Where both curves have the form that is fitted, whatever their constants."""
    one = curve(3 + gain * (1 - np.exp(-2 * rate * STEPS)), 0.5 + bend * STEPS**2 / 2)
    for weight in duration.weights([one]):
        assert one.by_saturation(weight) == pytest.approx(one.observed(weight), abs=0.5)
    assert one.last_seen == 40


@given(st.floats(0.5, 2), st.floats(0.005, 0.03), st.floats(0.001, 0.05))
def test_curves_without_a_third_order_are_predicted_from_their_start(slope, bend, cost):
    one = curve(
        slope * STEPS - bend * STEPS**2 / 2,
        cost * STEPS**2 / 2,
        slopes=(slope, 0.0),
        curvatures=(-bend, cost),
    )
    for weight in (0.5, 1.0, 2.0):
        assert one.by_quadratic(weight) == pytest.approx(one.observed(weight), abs=0.5)


@given(st.integers(0, 2**32 - 1))
def test_the_loss_that_is_paid_never_rises_with_its_weight(seed):
    """Whatever the curves; the step comes later only where the loss had fallen since."""
    noise = np.random.default_rng(seed).standard_normal((2, 12))
    steps, paid = duration.by_weight(curve(*noise.cumsum(axis=1), steps=np.arange(12.0)))
    assert (np.diff(paid) <= 1e-12).all()
    assert set(steps) <= set(range(12))


def test_both_directions_of_a_wrong_prediction_count_alike():
    one = curve(np.minimum(STEPS, 20.0), 0.5 * STEPS)
    assert one.observed(1.0) == 20
    assert one.off_by(40.0, 1.0) == pytest.approx(one.off_by(10.0, 1.0)) == pytest.approx(np.log(2))
    assert np.isfinite(one.off_by(0.0, 1.0))


def test_a_run_whose_loss_does_not_rise_still_has_numbers():
    """At the smallest scale anything happens, and verdicts are for requirements to withhold."""
    for sign in (1, -1):
        one = curve(sign * np.array([0.0, 1.0, 2.0]), -np.arange(3.0), steps=np.arange(3.0))
        assert np.isfinite(duration.off_by_saturation([one])).all()
        assert np.isfinite(duration.off_by_quadratic([one])).all()


def test_rows_hold_the_weights_and_the_front():
    one = curve(1 - np.exp(-STEPS / 20), STEPS**2 / 1e4)
    half, whole, twice = (row["weight"] for row in duration.rows([one]))
    assert (half, whole, twice) == pytest.approx((0.347, 0.693, 1.39), rel=1e-2)
    front = list(duration.front([one]))
    assert front[0]["reward_gain"] == front[0]["loss_change"] == 0.0
    assert all(row["on_front"] for row in front)
    assert 0 < one.late_share < 0.05
