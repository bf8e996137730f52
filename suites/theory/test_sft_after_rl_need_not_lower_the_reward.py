"""Theorem 4.1 as stated is false, twice over; what SFT does to the reward is set by p_D."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theory.bounds import most_reward_change_by_width
from coupling_bench.theory.policies import expected, kl
from coupling_bench.theory.tilting import tilt

THEOREM_4_1 = "arXiv:2601.07389v1, Theorem 4.1"
STATED = (
    "0 < a <= E KL(p_SFT || p_RL) <= A implies J(p_SFT) <= J(p_RL) - C2 for a C2 = a lambda > 0"
)
LAMBDAS = np.array([1e-12, 1e-6, 1e-3, 1.0])


@theorem(STATED, cites=THEOREM_4_1, assumes="Assumption 3; a constant reward", false=True)
def test_theorem_4_1_is_false_where_all_answers_earn_the_same(check):
    """No rewards, p_RL a fair coin, p_SFT = (3/4, 1/4): KL = 0.1308, so a = 0.1, A = 0.2; J = 0."""
    rl, sft, rewards = np.array([[0.5, 0.5]]), np.array([[0.75, 0.25]]), np.zeros((1, 2))
    a, most = 0.1, 0.2
    assert a <= kl(sft, rl) <= most
    drop = expected(rl, rewards) - expected(sft, rewards)
    check(drop - a * LAMBDAS, tolerance=0.0, unit="reward", where={"lambda": LAMBDAS})


@theorem(
    STATED,
    cites=f"{THEOREM_4_1}; its proof takes KL-growth around p_RL, which no finite beta gives",
    assumes="Assumption 3; rewards that differ, p_RL of Eq. 8 for a finite beta",
    false=True,
)
def test_theorem_4_1_is_false_wherever_a_better_policy_is_near(worlds, check):
    """J is linear in p, so that near any p_RL with rewards that differ some policies earn more.

    For random references, rewards and beta one is found by tilting p_RL once more; a = A = its KL.
    """
    drops = []
    for w in worlds:
        rl = tilt(w.first, w.rewards, w.beta)
        better = tilt(rl, w.rewards, w.beta)
        distance = kl(better, rl, w.weights)
        drop = expected(rl, w.rewards, w.weights) - expected(better, w.rewards, w.weights)
        drops.append(drop[distance > 1e-6])
    check(np.concatenate(drops), tolerance=0.0, unit="reward")


@theorem(
    "SFT that ends epsilon from the demonstrators has |J - J_D| <= w sqrt(epsilon / 2): the reward "
    "falls where J_RL > J_D + w sqrt(epsilon / 2) and rises where J_RL < J_D - w sqrt(epsilon / 2)",
    cites="derived from Pinsker's inequality; the conditional form of Theorem 4.1",
    assumes="p_RL is any policy",
)
def test_sft_moves_the_reward_to_the_demonstrators(over, check):
    def slack(w):
        q = w.weights
        demonstrated = expected(w.demonstrators, w.rewards, q)
        before, after = expected(w.first, w.rewards, q), expected(w.second, w.rewards, q)
        reach = most_reward_change_by_width(kl(w.demonstrators, w.second, q), w.width)
        must_fall, must_rise = before > demonstrated + reach, before < demonstrated - reach
        size = np.maximum(w.width, 1)
        return np.concatenate(
            [
                (reach - np.abs(after - demonstrated)) / size,
                (before - after)[must_fall],
                (after - before)[must_rise],
            ]
        )

    check(over(slack), tolerance=1e-12, unit="w")
