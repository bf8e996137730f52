"""Intervals, tests and power against scipy and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from coupling_bench.statistics import (
    holm,
    p_value,
    seeds_needed,
    slope_interval,
    smallest_detectable_effect,
    student_interval,
    two_way_interval,
)

VALUES = st.lists(st.floats(-100, 100), min_size=3, max_size=12).filter(
    lambda v: np.std(v) > 1e-6 * (1 + abs(np.mean(v)))
)


@given(VALUES, st.floats(0.01, 0.3))
def test_the_student_interval_is_scipys(values, alpha):
    theirs = stats.ttest_1samp(values, 0.0).confidence_interval(1 - alpha)
    ours = student_interval(values, alpha)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-6, abs=1e-9)


@given(VALUES, st.floats(-5, 5))
def test_the_p_value_is_scipys(values, margin):
    expected = stats.ttest_1samp(values, margin).pvalue
    assert p_value(values, margin) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(VALUES)
def test_the_slope_interval_is_scipys(values):
    x = np.arange(len(values), dtype=float)
    fit = stats.linregress(x, values)
    half = stats.t.ppf(0.975, len(values) - 2) * fit.stderr
    ours = slope_interval(x, values)
    assert ours.estimate == pytest.approx(fit.slope, rel=1e-6, abs=1e-9)
    assert ours.high - ours.estimate == pytest.approx(half, rel=1e-4, abs=1e-6)


def test_identical_differences_give_a_point_and_one_seed_gives_no_interval():
    """Zero learning rate: exactly no effect, and no NaN. One seed: unbounded."""
    point = student_interval([0.1, 0.1, 0.1])
    assert point.low == point.high == point.estimate == pytest.approx(0.1)
    alone = student_interval([0.1])
    assert (alone.low, alone.high) == (-math.inf, math.inf)
    assert p_value([0.1], 0.0) is smallest_detectable_effect([0.1]) is None


def test_holm_equals_its_definition_by_brute_force():
    """The k-th smallest of n is multiplied by n - k + 1, then made monotone and capped at 1."""
    generator = np.random.default_rng(0)
    for size in range(1, 7):
        values = generator.random(size) ** 3
        order = np.argsort(values)
        ranked = [min(1.0, (size - k) * values[i]) for k, i in enumerate(order)]
        expected = np.empty(size)
        expected[order] = np.maximum.accumulate(ranked)
        assert holm(values.tolist()) == pytest.approx(expected.tolist())


def test_the_smallest_detectable_effect_is_found_with_the_stated_power():
    """Simulated from a normal of known spread, at 6 seeds: 80 % to within the t approximation."""
    generator = np.random.default_rng(1)
    spread, seeds = 2.0, 6
    unit = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    effect = smallest_detectable_effect(unit / unit.std(ddof=1) * spread)
    samples = generator.normal(effect, spread, size=(20_000, seeds))
    found = stats.ttest_1samp(samples, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.05)


def test_seeds_needed_is_the_first_number_whose_detectable_effect_is_small_enough():
    """More spread needs more seeds; no distance from the margin needs too many."""
    few, many = (seeds_needed([0.1 - s, 0.1, 0.1 + s], 0.0) for s in (0.02, 0.2))
    assert 2 <= few < many
    assert seeds_needed([-0.1, 0.0, 0.1], 0.0) is None


def test_the_two_way_interval_covers_when_seeds_share_their_items():
    """Seeds that agree only because they share items do not narrow it: coverage stays near 95 %."""
    generator = np.random.default_rng(2)
    seeds, items, trials, covered = 3, 40, 2_000, 0
    for _ in range(trials):
        table = (
            generator.normal(0, 1.0, size=(1, items))
            + generator.normal(0, 0.3, size=(seeds, 1))
            + generator.normal(0, 0.5, size=(seeds, items))
        )
        by_seed, by_item = table.mean(axis=1), table.mean(axis=0)
        interval = two_way_interval(
            table.mean(), by_seed.std(ddof=1) / math.sqrt(seeds), seeds,
            by_item.std(ddof=1) / math.sqrt(items), items, 0.05,
        )  # fmt: skip
        covered += interval.low < 0.0 < interval.high
    assert 0.94 <= covered / trials <= 1.0


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, float("nan")]])
def test_values_that_are_no_finite_vector_are_refused(values):
    with pytest.raises(ValueError, match="statistics: values"):
        student_interval(values)
