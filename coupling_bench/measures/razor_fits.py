"""Forgetting as a function of forward KL: how much of it a curve explains, and what is left.

Curves go through the origin, where nothing has moved and nothing is forgotten; R squared is against
the mean all the same, so that a curve may do worse than a constant and R squared be negative. Many
points may lie near the origin, where any curve is right, and a curve of two coefficients follows
few points closely: other forms, the rank correlation, and the error on methods that the curve was
not fitted to stand beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from coupling_bench import statistics
from coupling_bench.measures.razor import Point
from coupling_bench.runs import Array

Points = Sequence[Point]

FORMS = {"quadratic": (1, 2), "square alone": (2,), "linear": (1,), "constant": (0,)}
"""The powers of the divergence that each form of the curve has."""
NAMES = ("constant", "linear", "square")
"""What the coefficient of each power is called, in accuracy per nat to that power."""
NO_PAIR = float(np.log(np.finfo(float).max))
"""Log ratio where there is none to take: larger than any."""
ROUNDING = 1e-20
"""Squared differences of accuracy that add up to no more are none."""
DECIMALS = 12
"""Of R squared: a constant's, which is the mean's, is zero and not what is left of rounding."""


def by_seed(points: Iterable[Point]) -> dict[int, list[Point]]:
    """Return the points of each seed: one fit a seed, whose spread is that of its training."""
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(point.seed, []).append(point)
    return dict(sorted(found.items()))


def coefficients(points: Points, form: str = "quadratic") -> Array:
    """Return the least-squares coefficients of forgetting on a form's powers of forward KL."""
    fitted, *_ = np.linalg.lstsq(_powers(points, form), _forgetting(points), rcond=None)
    return np.asarray(fitted, dtype=float)


def predicted(fitted: Array, points: Points, form: str = "quadratic") -> Array:
    """Return the forgetting that coefficients say of points, in accuracy."""
    return _powers(points, form) @ fitted


def r_squared(points: Points, form: str = "quadratic") -> float:
    """Return the share of forgetting's variance that the fitted curve explains; below 1, maybe < 0.

    0 where all points have forgotten the same: there is nothing to explain.
    """
    off = _forgetting(points) - predicted(coefficients(points, form), points, form)
    return _explained(off, _forgetting(points) - _forgetting(points).mean())


def r_squared_of_methods_left_out(points: Points, form: str = "quadratic") -> float:
    """Return R squared where each method is foretold by the curve of all other methods.

    Against the mean of those others, which knows no divergence: 0 is no better than that. Of one
    method alone there is nothing to learn from: 0.
    """
    off, off_mean = [], []
    for name in dict.fromkeys(point.method for point in points):
        others = [point for point in points if point.method != name]
        left = [point for point in points if point.method == name]
        if others:
            fitted = coefficients(others, form)
            off.append(_forgetting(left) - predicted(fitted, left, form))
            off_mean.append(_forgetting(left) - _forgetting(others).mean())
    return _explained(np.concatenate(off), np.concatenate(off_mean)) if off else 0.0


def rank_correlation(points: Points) -> float:
    """Return Spearman's correlation of forgetting with forward KL; 0 where either is constant."""
    return statistics.rank_correlation(_divergences(points), _forgetting(points))


def at_equal_divergence(points: Points, of: Collection[str], than: Collection[str]) -> float:
    """Return how much more methods ``of`` forget than methods ``than`` at equal forward KL.

    The coefficient of belonging to the first, fitted together with one quadratic curve of both, in
    accuracy. Residuals from a curve of all points would understate it wherever the two lie at
    different divergences, because the curve bends to either.
    """
    both = [point for point in points if point.method in (*of, *than)]
    belongs = np.array([point.method in of for point in both], dtype=float)
    columns = np.column_stack([_powers(both, "quadratic"), belongs])
    return float(np.linalg.lstsq(columns, _forgetting(both), rcond=None)[0][-1])


def nearest_pair(points: Points, of: Collection[str], than: Collection[str]) -> float:
    """Return the least |log ratio| of forward KL between a point of either kind of methods.

    A policy that has not moved has no ratio to any; ``NO_PAIR`` where none of one kind has.
    """
    moved = [point for point in points if point.forward_kl > 0]
    first, second = (
        np.log(_divergences([point for point in moved if point.method in methods]))
        for methods in (of, than)
    )
    return float(np.abs(first[:, None] - second).min(initial=NO_PAIR))


def point_rows(points: Points, **told: str) -> list[dict[str, Any]]:
    """Return the points with what the curve of their seed says, as rows that are also ``told``."""
    rows = []
    for found in by_seed(points).values():
        said = predicted(coefficients(found), found)
        for point, forgetting in zip(found, said.tolist(), strict=True):
            residual = {"predicted": forgetting, "residual": point.forgetting - forgetting}
            rows.append({**told, **asdict(point), **residual})
    return rows


def fit_rows(points: Points, **told: str) -> list[dict[str, Any]]:
    """Return what each form explains of each seed, and of all together, as rows, also ``told``."""
    seeds: list[tuple[int | None, Points]] = [*by_seed(points).items(), (None, points)]
    return [
        {
            **told, "form": form, "seed": seed, "points": len(found),
            "r_squared": r_squared(found, form),
            "r_squared_of_methods_left_out": r_squared_of_methods_left_out(found, form),
            "rank_correlation": rank_correlation(found),
            **dict.fromkeys(NAMES),
            **dict(zip((NAMES[p] for p in FORMS[form]), coefficients(found, form).tolist(),
                       strict=True)),
        }
        for seed, found in seeds for form in FORMS
    ]  # fmt: skip


def _explained(off: Array, off_mean: Array) -> float:
    """Return 1 - squared errors over those of a mean; 0 where the mean has none."""
    unexplained = off_mean @ off_mean
    return round(float(1 - off @ off / unexplained), DECIMALS) if unexplained > ROUNDING else 0.0


def _powers(points: Points, form: str) -> Array:
    return np.stack([_divergences(points) ** power for power in FORMS[form]], axis=1)


def _divergences(points: Points) -> Array:
    return np.array([point.forward_kl for point in points])


def _forgetting(points: Points) -> Array:
    return np.array([point.forgetting for point in points])
