"""The loss along RL beside its predictions, on bowls where everything is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.measures import landscape_change, pl_slopes


class Bowl:
    """L = x'Hx / 2, its minimum at 0, at points along a path."""

    def __init__(self, curvatures, path):
        self.curvatures, self.path = curvatures, path
        self.steps = np.arange(len(path))
        self.smoothness = np.array([np.nan, curvatures.max()])
        moves = path - path[0]
        self.distance = np.linalg.norm(moves, axis=1)
        self.slope = moves @ (curvatures * path[0])
        self.curvature = np.stack([(moves**2) @ curvatures] * 3, axis=1)
        self.loss = self.sub_optimality = (path**2) @ curvatures / 2

    def squared_gradient(self):
        return ((self.path * self.curvatures) ** 2).sum(axis=1)


@given(st.integers(0, 2**32 - 1))
def test_on_a_bowl_the_second_order_is_exact_and_no_bound_is_overstepped(seed):
    """M and mu of a path that sees the largest and the smallest curvature hold everywhere."""
    noise = np.random.default_rng(seed)
    curvatures = noise.uniform(0.1, 10, 4)
    axes = np.eye(4)[[curvatures.argmax(), curvatures.argmin()]]
    walk = np.cumsum(noise.standard_normal((6, 4)), axis=0)
    sft, rl = Bowl(curvatures, axes), Bowl(curvatures, walk)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(landscape_change, "landscapes", lambda runs: [sft])
        patched.setattr(landscape_change, "moved", lambda runs: [rl])
        runs = SimpleNamespace(seeds=(7,))
        (found,) = landscape_change.changes(runs, runs)
    np.testing.assert_allclose(found.second_order, rl.loss[1:] - rl.loss[0], atol=1e-9)
    assert found.explained == pytest.approx(1)
    scale = 1e-9 / np.abs(found.loss_change).min()
    assert found.relative_error <= scale
    for bound in ("lower", "upper", "upper_by_pl"):
        assert found.overstepped(bound) <= scale
    rows = list(landscape_change.rows([found]))
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["seed"] for row in rows} == {7}
    assert rows[-1]["loss_change"] == found.loss_change[-1]


def change(**given):
    zeros = dict.fromkeys(landscape_change.COLUMNS, np.zeros(3))
    return landscape_change.Change(seed=0, steps=np.arange(1, 4), **{**zeros, **given})


def test_what_is_overstepped_is_a_share_of_the_change():
    found = change(
        loss_change=np.array([1.0, 2.0, 4.0]),
        lower=np.array([0.0, 3.0, 0.0]),
        upper=np.array([2.0, 4.0, 3.0]),
    )
    assert found.overstepped("lower") == 0.5
    assert found.overstepped("upper") == 0.25


def test_only_the_beginning_of_the_way_is_near_and_the_first_snapshot_always():
    found = change(
        loss_change=np.ones(3), second_order=np.array([1.1, 1.5, 9.0]),
        distance=np.array([1.0, 10.0, 100.0]),
    )  # fmt: skip
    assert found.relative_error == pytest.approx(0.5)
    alone = change(loss_change=np.ones(3), second_order=np.full(3, 1.2), distance=np.full(3, 5.0))
    assert alone.relative_error == pytest.approx(0.2)


@given(st.floats(0.5, 3))
def test_the_slope_is_that_of_the_last_half_of_the_steps(slope):
    excess = np.array([9.0, 5.0, 3.0, 2.0, 1.0])
    squared = np.where(np.arange(5) < 2, 77.0, 4 * excess**slope)
    path = pl_slopes.Path(
        seed=3, steps=np.array([0, 10, 20, 30, 40]), squared_gradient=squared, sub_optimality=excess
    )
    assert pl_slopes.slopes([path]) == pytest.approx([slope])
    rows = list(pl_slopes.rows("one-hot", [path]))
    assert [row["step"] for row in rows] == [0, 10, 20, 30, 40]
    assert rows[4] == {
        "arm": "one-hot", "seed": 3, "step": 40, "squared_gradient": squared[4],
        "sub_optimality": 1.0, "slope": path.slope,
    }  # fmt: skip
