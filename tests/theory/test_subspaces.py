"""Singular subspaces against planted rotations, scipy, bounds and the mean over random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from scipy.stats import ortho_group

from coupling_bench.theory import subspaces
from coupling_bench.theory.subspaces import Singular

seeds = st.integers(0, 10**6)


def matrix(draw, m, n, decay=0.8):
    """Random singular vectors, singular values that fall."""
    u, v = (np.linalg.qr(draw.standard_normal((size, min(m, n))))[0] for size in (m, n))
    return (u * decay ** np.arange(min(m, n))) @ v.T


@given(seeds, st.floats(-9, 0))
def test_a_planted_rotation_is_found_with_all_its_digits(seed, log_angle):
    """Leading vectors turned by one small angle each into directions that W does not have."""
    draw, angle, k = np.random.default_rng(seed), 10**log_angle, 3
    left, right = (np.linalg.qr(draw.standard_normal((size, 2 * k)))[0] for size in (20, 12))
    turned = [np.cos(angle) * q[:, :k] + np.sin(angle) * q[:, k:] for q in (left, right)]
    values = np.array([3.0, 2.0, 1.0])
    one, two = (Singular.of((u * values) @ v.T) for u, v in ((left[:, :k], right[:, :k]), turned))
    assert subspaces.leading_sines(one, two, k) == pytest.approx(np.sin(angle), rel=1e-4, abs=1e-14)
    assert subspaces.rotation(one, two, k) == pytest.approx(np.sin(angle), rel=1e-4, abs=1e-14)
    assert subspaces.value_change(one, two) == pytest.approx(0.0, abs=1e-14)


@given(seeds)
def test_sines_are_those_of_scipys_angles(seed):
    draw = np.random.default_rng(seed)
    one, two = (np.linalg.qr(draw.standard_normal((15, 3)))[0] for _ in range(2))
    assert subspaces.sines(one, two) == pytest.approx(np.sin(subspace_angles(one, two)))


@settings(max_examples=100)
@given(seeds, st.floats(-6, 1), st.sampled_from([(16, 16), (8, 20), (24, 9)]))
def test_no_change_breaks_wedins_or_mirskys_bound(seed, log_size, shape):
    """Changes from far below the gaps to beyond all of W, near W's own directions and across."""
    draw = np.random.default_rng(seed)
    before = matrix(draw, *shape, decay=draw.uniform(0.3, 1.0))
    change = draw.standard_normal(shape)
    if draw.random() < 0.5:  # of rank one, which turns most for its length
        change = np.outer(change[:, 0], change[0])
    change *= 10**log_size / np.linalg.norm(change)
    one, two = Singular.of(before), Singular.of(before + change)
    length = float(np.linalg.norm(change, 2))
    for k in range(1, min(shape) // 2 + 1):
        largest = subspaces.leading_sines(one, two, k).max()
        assert largest <= subspaces.wedin_bound(one, two, length, k) + 1e-9
    relative = np.linalg.norm(change) / np.linalg.norm(before)
    assert subspaces.value_change(one, two) <= relative * (1 + 1e-9)


def test_random_subspaces_turn_as_far_as_the_closed_form_says():
    draw, k = np.random.default_rng(0), 5
    found = []
    for _ in range(200):
        one, two = (Singular.of(draw.standard_normal((30, 20))) for _ in range(2))
        found.append(subspaces.rotation(one, two, k) ** 2)
    spread = np.std(found) / len(found) ** 0.5
    assert np.mean(found) == pytest.approx(
        subspaces.random_rotation((30, 20), k) ** 2, abs=4 * spread
    )


def test_a_random_change_has_what_chance_gives_it_everywhere():
    """Along values, within the leading subspaces, and among the principal weights."""
    draw, shape, k = np.random.default_rng(1), (40, 25), 6
    before = Singular.of(matrix(draw, *shape))
    changes = [draw.standard_normal(shape) for _ in range(300)]
    for expected, take in (
        (1 / max(shape), lambda c: subspaces.value_share(before, c)),
        (k * k / (shape[0] * shape[1]), lambda c: subspaces.inside_share(before, c, k)),
        (0.1, lambda c: subspaces.principal_overlap(before, c, k, 0.1)),
    ):
        found = [take(change) for change in changes]
        assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / len(found) ** 0.5)


@given(seeds)
def test_values_alone_and_vectors_alone_are_told_apart(seed):
    """A change of values is wholly along u_i v_i^T; one of vectors is not, to first order."""
    draw = np.random.default_rng(seed)
    before = Singular.of(matrix(draw, 12, 9))
    stretched = (before.left * (before.values * (1 + 0.05 * draw.random(9)))) @ before.right.T
    whole = (before.left * before.values) @ before.right.T
    assert subspaces.value_share(before, stretched - whole) == pytest.approx(1.0)
    assert subspaces.inside_share(before, stretched - whole, 9) == pytest.approx(1.0)
    skew = 1e-5 * draw.standard_normal((9, 9))
    turned = before.left @ (np.eye(9) + skew - skew.T)
    assert subspaces.value_share(before, (turned * before.values) @ before.right.T - whole) < 1e-6


def test_what_moved_less_than_the_threshold_counts_as_unchanged():
    before = np.array([[1.0, -2.0, 0.0, 4.0]])
    after = before * np.array([[1 + 9e-4, 1 + 2e-3, 1.0, 1.0]]) + np.array([[0, 0, 0, -1e-2]])
    assert subspaces.unchanged_share(before, after) == 0.5
    assert subspaces.unchanged_share(before, before) == 1.0


def test_rotating_everything_changes_no_measure():
    """Of singular values and subspaces alone: orthogonal matrices from the left and the right."""
    draw, k = np.random.default_rng(2), 2
    before, after = matrix(draw, 10, 8), matrix(draw, 10, 8)
    left, right = ortho_group.rvs(10, random_state=3), ortho_group.rvs(8, random_state=4)
    pairs = [(before, after), (left @ before @ right, left @ after @ right)]
    found = [
        (
            subspaces.value_change(one, two),
            subspaces.rotation(one, two, k),
            subspaces.wedin_bound(one, two, float(np.linalg.norm(b - a, 2)), k),
            subspaces.value_share(one, b - a),
            subspaces.inside_share(one, b - a, k),
        )
        for a, b in pairs
        for one, two in [(Singular.of(a), Singular.of(b))]
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-9)
