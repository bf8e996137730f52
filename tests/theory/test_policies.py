"""Expectations and distances of finite policies, against scipy and against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from coupling_bench.theory import policies

SHAPE = (4, 3, 5)


def drawn(seed, shape=SHAPE):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])


def test_entropies_and_divergences_are_scipys():
    p, q = drawn(0), drawn(1)
    np.testing.assert_allclose(policies.entropy(p), entropy(p, axis=-1).mean(-1))
    np.testing.assert_allclose(policies.kl(p, q), entropy(p, q, axis=-1).mean(-1))
    np.testing.assert_allclose(policies.kl_by_prompt(p, q), entropy(p, q, axis=-1))
    crossed = entropy(p, axis=-1) + entropy(p, q, axis=-1)
    np.testing.assert_allclose(policies.cross_entropy(p, q), crossed.mean(-1))


@given(st.integers(0, 10**6), st.floats(-8, -2))
def test_the_divergence_of_policies_that_are_close_keeps_its_digits(seed, size):
    """Against the series p (u^2 / 2 - u^3 / 3 + ...), u = q / p - 1, in exact fractions."""
    p = 0.8 * drawn(seed, (1, 4)) + 0.05
    q = p * (1 + 10**size * np.random.default_rng(seed).uniform(-1, 1, p.shape))
    p[0, -1], q[0, -1] = 1 - p[0, :-1].sum(), 1 - q[0, :-1].sum()
    expected = 0.0
    for mine, theirs in zip(p[0].tolist(), q[0].tolist(), strict=True):
        u = Fraction(theirs) / Fraction(mine) - 1
        expected += mine * float(sum((-u) ** n / n for n in range(2, 14)))
    assert policies.kl(p, q) == pytest.approx(expected, rel=1e-6)


def test_an_answer_that_is_never_given_costs_nothing_or_all():
    never, always = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    coin = np.array([[0.5, 0.5]])
    assert policies.kl(never, coin) == pytest.approx(np.log(2))
    assert policies.kl(coin, never) == np.inf
    assert policies.kl(always, never) == np.inf
    assert policies.kl(never, never) == policies.entropy(never) == 0.0
    assert policies.cross_entropy(coin, never) == np.inf
    assert policies.expected(never, np.array([[np.inf, 3.0]])) == 3.0


def test_total_variation_runs_from_zero_to_one():
    never, always = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    assert policies.total_variation(always, never) == 1.0
    assert policies.total_variation(always, always) == 0.0


def test_the_variance_is_that_within_prompts():
    p, values = drawn(2), np.random.default_rng(3).normal(size=SHAPE)
    within = [
        np.cov(v, aweights=w, ddof=0)
        for v, w in zip(values.reshape(-1, 5), p.reshape(-1, 5), strict=True)
    ]
    expected = np.reshape(within, SHAPE[:2]).mean(axis=1)
    np.testing.assert_allclose(policies.variance(p, values), expected)


def test_weights_are_those_of_prompts_and_equal_where_there_are_none():
    p, q = drawn(4), drawn(5)
    weights = drawn(6, (4, 3))
    for measure in (policies.kl, policies.total_variation, policies.cross_entropy):
        each = np.stack([measure(p[:, [x]], q[:, [x]]) for x in range(3)], axis=-1)
        np.testing.assert_allclose(measure(p, q, weights), (each * weights).sum(-1))
        np.testing.assert_allclose(measure(p, q), each.mean(-1))
