"""Edits of one matrix: what each puts back, and how far it goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.theory.edits import PARTS, edited, vectors
from coupling_bench.theory.subspaces import Singular

seeds, shares = st.integers(0, 10**6), st.sampled_from([0.2, 0.5, 1.0])
SHAPE = (12, 9)


def two(seed):
    """The end and an earlier moment of one matrix, and what draws."""
    draw = np.random.default_rng(seed)
    end = draw.standard_normal(SHAPE)
    return end, end + 0.3 * draw.standard_normal(SHAPE), draw


@given(seeds)
def test_vectors_and_values_of_one_moment_make_the_moment(seed):
    end, moment, draw = two(seed)
    np.testing.assert_array_equal(edited(end, moment, "whole", 1.0, draw), moment)
    turned = edited(end, moment, "vectors", 1.0, draw)
    np.testing.assert_allclose(Singular.of(turned).values, Singular.of(end).values)
    np.testing.assert_allclose(edited(turned, moment, "values", 1.0, draw), moment, atol=1e-12)


@given(seeds)
def test_values_of_a_moment_leave_all_vectors_where_they_are(seed):
    end, moment, draw = two(seed)
    found = edited(end, moment, "values", 1.0, draw)
    ours = Singular.of(end)
    along = ours.left.T @ found @ ours.right
    np.testing.assert_allclose(along, np.diag(Singular.of(moment).values), atol=1e-12)


@pytest.mark.parametrize("part", PARTS)
@given(seed=seeds, share=shares)
def test_an_edit_from_the_end_itself_changes_nothing(part, seed, share):
    end, _, draw = two(seed)
    np.testing.assert_allclose(edited(end, end, part, share, draw), end, atol=1e-12)


@given(seeds, shares)
def test_a_random_change_is_as_long_as_that_to_the_vectors(seed, share):
    """Single weights go no further than to the moment itself, of which the edit may be beyond."""
    end, moment, draw = two(seed)
    length = np.linalg.norm(vectors(end, moment, share) - end)
    moved = edited(end, moment, "direction", share, draw) - end
    assert np.linalg.norm(moved) == pytest.approx(length)
    back = edited(end, moment, "entries", share, draw) - end
    assert np.linalg.norm(back) == pytest.approx(min(length, np.linalg.norm(moment - end)))


@given(seeds)
def test_single_weights_are_put_back_wholly_or_not_at_all_but_for_one(seed):
    end, _, draw = two(seed)
    moment = edited(end, end + 1e-3 * draw.standard_normal(SHAPE), "vectors", 1.0, draw)
    share = (edited(end, moment, "entries", 0.2, draw) - end) / (moment - end)
    assert ((share > 1e-6) & (share < 1 - 1e-6)).sum() <= 1
    assert share.min() > -1e-6 and share.max() < 1 + 1e-6
