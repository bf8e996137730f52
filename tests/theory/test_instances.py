"""The instances that theorems are tried on: valid, the same for a seed, and hard."""

import numpy as np

from coupling_bench.theory import instances, policies

WORLDS = instances.worlds(seed=0)


def test_policies_are_policies_and_give_no_answer_that_the_first_never_gives():
    for w in WORLDS:
        for policy in (w.first, w.second, w.demonstrators, w.gold):
            assert (policy >= 0).all()
            np.testing.assert_allclose(policy.sum(axis=-1), 1.0)
            assert not (policy[w.first == 0] > 0).any()
        np.testing.assert_allclose(w.weights.sum(axis=-1), 1.0)
        assert (w.beta > 0).all()


def test_gold_demonstrators_earn_the_most_that_the_first_policy_ever_gets():
    for w in WORLDS:
        most = np.where(w.first > 0, w.rewards, -np.inf).max(axis=-1).mean(axis=-1)
        np.testing.assert_allclose(policies.expected(w.gold, w.rewards), most, atol=1e-13)


def test_every_kind_of_hard_instance_is_among_them():
    every = {
        "an answer without mass": lambda w: (w.first == 0).any(axis=(1, 2)),
        "nearly deterministic": lambda w: (w.first.max(-1) > 1 - 1e-6).all(axis=1),
        "nearly uniform": lambda w: (w.first.min(-1) > 0.3 / w.first.shape[-1]).all(axis=1),
        "the same policies": lambda w: (w.first == w.second).all(axis=(1, 2)),
        "p_SFT = p_D": lambda w: (w.first == w.demonstrators).all(axis=(1, 2)),
        "gold demonstrators": lambda w: (w.gold == w.demonstrators).all(axis=(1, 2)),
        "a constant reward": lambda w: np.ptp(w.rewards, axis=-1).max(axis=-1) == 0,
        "beta far below the rewards": lambda w: w.beta < 0.02 * w.width,
        "beta far above the rewards": lambda w: (w.beta > 50 * w.width) & (w.width > 0),
        "prompts of unequal weight": lambda w: np.ptp(w.weights, axis=1) > 0.1,
    }
    for kind, is_one in every.items():
        assert sum(int(is_one(w).sum()) for w in WORLDS) >= 20, kind


def test_a_seed_names_its_instances():
    again, other = instances.worlds(seed=0, instances=5), instances.worlds(seed=1, instances=5)
    once_more = instances.worlds(seed=0, instances=5)
    assert all((a.first == b.first).all() for a, b in zip(again, once_more, strict=True))
    assert not any((a.first == b.first).all() for a, b in zip(again, other, strict=True))
