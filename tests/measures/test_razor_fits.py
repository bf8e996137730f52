"""Curves of forgetting by forward KL, on points made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import spearmanr

from coupling_bench.measures.razor import Point
from coupling_bench.measures.razor_fits import (
    FORMS,
    NO_PAIR,
    at_equal_divergence,
    coefficients,
    fit_rows,
    nearest_pair,
    point_rows,
    r_squared,
    r_squared_of_methods_left_out,
    rank_correlation,
)

METHODS = ("SFT", "GRPO", "DPO")


def point(forward_kl, forgetting, method="SFT", seed=0) -> Point:
    return Point(
        node=method.lower(), seed=seed, step=10, method=method, path=method, exact=True,
        forward_kl=forward_kl, forgetting=forgetting, choices_forgotten=None, gain=0.1,
    )  # fmt: skip


def planted(linear, square, shift=0.0, noise=0.0, seed=0) -> list[Point]:
    """Five points of each method on one curve; GRPO's are shifted."""
    draw = np.random.default_rng(seed)
    return [
        point(far, linear * far + square * far**2 + shift * (method == "GRPO")
              + noise * draw.normal(), method)
        for method in METHODS for far in draw.uniform(0.05, 1.0, 5)
    ]  # fmt: skip


@given(linear=st.floats(-1, 1), square=st.floats(0.1, 1))
def test_a_planted_relation_is_found_whole_and_leaves_nothing(linear, square):
    points = planted(linear, square)
    assert coefficients(points) == pytest.approx([linear, square], abs=1e-9)
    assert r_squared(points) == pytest.approx(1.0)
    assert r_squared_of_methods_left_out(points) == pytest.approx(1.0)
    assert at_equal_divergence(points, ["GRPO"], ["SFT"]) == pytest.approx(0.0, abs=1e-9)
    assert [row["residual"] for row in point_rows(points)] == pytest.approx([0] * 15, abs=1e-9)


@given(shift=st.floats(-0.5, 0.5), seed=st.integers(0, 100))
def test_what_a_method_forgets_besides_is_found_whatever_the_curve(shift, seed):
    points = planted(0.2, -0.3, shift, seed=seed)
    assert at_equal_divergence(points, ["GRPO"], ["SFT", "DPO"]) == pytest.approx(shift, abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_fits_are_those_of_scipy(form):
    points = planted(0.2, 0.1, noise=0.05)
    x, y = (np.array([getattr(p, name) for p in points]) for name in ("forward_kl", "forgetting"))
    curves = {
        "quadratic": lambda x, a, b: a * x + b * x**2,
        "square alone": lambda x, b: b * x**2,
        "linear": lambda x, a: a * x,
        "constant": lambda x, c: c + 0 * x,
    }
    fitted = curve_fit(curves[form], x, y, p0=[0.1] * len(FORMS[form]))[0]
    assert coefficients(points, form) == pytest.approx(fitted, abs=1e-6)
    off = y - curves[form](x, *fitted)
    assert r_squared(points, form) == pytest.approx(1 - off.var() * 15 / (y.var() * 15)
                                                    - off.mean() ** 2 / y.var())  # fmt: skip
    assert rank_correlation(points) == pytest.approx(spearmanr(x, y).statistic)


def test_a_constant_explains_nothing_and_a_curve_may_explain_less():
    points = [point(1.0, 1.0), point(2.0, 1.1), point(3.0, 0.9)]
    assert r_squared(points, "constant") == 0.0
    assert r_squared(points, "square alone") < 0
    flat = [replace(one, forgetting=0.3) for one in points]
    assert r_squared(flat) == rank_correlation(flat) == 0.0


def test_a_method_left_out_is_foretold_by_the_others_alone():
    """On the line of two methods the third is 0.5 higher: (1 - 1.5)^2 of (1.5 - 0.2)^2 is left."""
    points = [point(0.1, 0.1), point(0.3, 0.3, "DPO"), point(1.0, 1.5, "GRPO")]
    others = [[0.3, 1.5], [0.1, 1.5], [0.1, 0.3]]
    slopes = [(0.3 * 0.3 + 1.5) / (0.09 + 1), (0.01 + 1.5) / (0.01 + 1), 1.0]
    off = [0.1 - slopes[0] * 0.1, 0.3 - slopes[1] * 0.3, 0.5]
    off_mean = [y - np.mean(o) for y, o in zip([0.1, 0.3, 1.5], others, strict=True)]
    expected = 1 - np.square(off).sum() / np.square(off_mean).sum()
    assert r_squared_of_methods_left_out(points, "linear") == pytest.approx(expected)
    assert r_squared_of_methods_left_out(points[:1]) == 0.0


def test_the_nearest_pair_is_that_of_the_least_ratio():
    points = [point(0.1, 0), point(0.4, 0), point(0.5, 0, "GRPO"), point(2.0, 0, "GRPO")]
    assert nearest_pair(points, ["GRPO"], ["SFT"]) == pytest.approx(np.log(0.5 / 0.4))


def test_a_policy_that_has_not_moved_is_near_to_none():
    still = [point(0.0, 0), point(0.0, 0, "GRPO"), point(0.5, 0, "GRPO")]
    assert nearest_pair(still, ["GRPO"], ["SFT"]) == NO_PAIR
    assert nearest_pair([*still, point(0.25, 0)], ["GRPO"], ["SFT"]) == pytest.approx(np.log(2))


def test_each_seed_has_a_fit_of_its_own_and_all_together_one_more():
    """The seeds' lines are 1 and 2; a residual is from the line of its own seed."""
    points = [point(x, slope * x, seed=seed) for seed, slope in ((0, 1), (1, 2)) for x in (0.5, 1)]
    rows = {row["seed"]: row for row in fit_rows(points, over="session") if row["form"] == "linear"}
    assert [rows[seed]["linear"] for seed in (0, 1, None)] == pytest.approx([1.0, 2.0, 1.5])
    assert (rows[None]["points"], rows[0]["points"], rows[0]["over"]) == (4, 2, "session")
    assert rows[0]["square"] is rows[0]["constant"] is None
    assert [row["residual"] for row in point_rows(points)] == pytest.approx([0] * 4, abs=1e-9)
