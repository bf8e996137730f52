"""Divergences against scipy, and against what they must be."""

import numpy as np
import pytest
from scipy.stats import entropy

from coupling_bench.measures.divergence import (
    frequency_shift,
    kl_by_item,
    reverse_kl,
)
from coupling_bench.measures.policies import ROUNDING
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs

HELD_OUT = Split(name="held_out")


def runs(folder, seeds):
    return store_runs(Store(folder), [random_observation(seed) for seed in seeds])


def test_reverse_kl_is_scipys_over_the_answers_and_the_rest(tmp_path):
    found = reverse_kl(runs(tmp_path / "a", [1, 2]), runs(tmp_path / "b", [3, 4]), HELD_OUT)
    for number, (policy, reference) in enumerate([(1, 3), (2, 4)]):
        p, q = (np.exp(random_observation(seed).answer_logps[-1]) for seed in (policy, reference))
        p, q = (np.column_stack([x, 1 - x.sum(axis=1)]) for x in (p, q))
        assert found[number] == pytest.approx(entropy(p, q, axis=1).mean(), rel=1e-9)
    assert (found > 0).all()


def test_a_policy_is_at_no_distance_from_itself(tmp_path):
    policy = runs(tmp_path, [5])
    assert reverse_kl(policy, policy, HELD_OUT)[0] == 0.0


def test_certainty_costs_the_surprise_of_the_reference(tmp_path):
    """KL of a point mass is minus the log-probability that the reference gives it."""
    with np.errstate(divide="ignore"):
        certain = observation(np.log([[[1.0, 0.0]]]), [0])
    half = observation(np.log([[[0.5, 0.25]]]), [0])
    found = reverse_kl(
        store_runs(Store(tmp_path / "a"), [certain]),
        store_runs(Store(tmp_path / "b"), [half]),
        HELD_OUT,
    )
    assert found[0] == pytest.approx(np.log(2), abs=20 * ROUNDING)


def test_what_rounding_has_lost_does_not_make_the_divergence_infinite():
    """A reference that always answers, as far as fp32 can say, and a policy that seldom does."""
    certain = observation(np.log([[[0.6, 0.4]]]), [0])
    half = observation(np.log([[[0.3, 0.2]]]), [0])
    expected = entropy([0.3, 0.2, 0.5], [0.6, 0.4, ROUNDING])
    assert kl_by_item(half, certain)[0] == pytest.approx(expected, rel=1e-5)
    assert kl_by_item(certain, certain)[0] == 0.0


def test_the_frequencies_part_of_the_loss_obeys_the_chain_rule(tmp_path):
    """L - L* is the frequencies' part, and the divergence of what sentences say of answers."""
    generator = np.random.default_rng(0)
    for number in range(20):
        p = generator.dirichlet([3.0, 1.0], size=(1, 25))
        seen = observation(np.log(p), generator.integers(0, 2, 25))
        d, p = seen.demonstrated, p[0]
        marginals = d.mean(axis=0), p.mean(axis=0)
        between = (d * np.log((d / marginals[0]) / (p / marginals[1]))).sum(axis=1).mean()
        part = frequency_shift(store_runs(Store(tmp_path / str(number)), [seen]), HELD_OUT)[0]
        assert part + between == pytest.approx(entropy(d, p, axis=1).mean(), abs=1e-4)
        assert part == pytest.approx(entropy(*marginals), abs=1e-4)


def test_a_constant_policy_differs_by_its_frequencies_alone(tmp_path):
    """And one with the right frequencies by nothing of that kind, however wrong it is."""
    truth = [0, 0, 0, 1]
    often = np.array([0.75 * 0.9 + 0.25 * 0.1, 0.75 * 0.1 + 0.25 * 0.9])
    constant = observation(np.log(np.tile([0.6, 0.4], (1, 4, 1))), truth)
    shift = frequency_shift(store_runs(Store(tmp_path / "a"), [constant]), HELD_OUT)[0]
    assert shift == pytest.approx(entropy(often, [0.6, 0.4]), abs=1e-4)
    right = observation(np.log(np.tile(often, (1, 4, 1))), truth)
    shift = frequency_shift(store_runs(Store(tmp_path / "b"), [right]), HELD_OUT)[0]
    assert shift == pytest.approx(0.0, abs=1e-5)
