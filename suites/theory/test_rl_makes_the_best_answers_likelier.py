"""The sign law: the closed form makes best-rewarded demonstrations likelier, for every p_SFT."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.policies import cross_entropy, log
from coupling_bench.theory.tilting import log_loss_changes, loss_change, tilt

CLOSED_FORM = "RL reaches Eq. 8 from any p_SFT"
DERIVED = "derived from arXiv:2601.07389v1, Eq. 8"
ROUNDING = 1e-11
"""Rewards are up to 30,000 beta, and exponents of so much are known to 4e-12."""


def of_answers(w):
    """Change of -log p of every answer, and where the answer exists and earns most or least."""
    change = log_loss_changes(w.first, w.rewards, w.beta)
    given = w.first > 0
    most = np.where(given, w.rewards, -np.inf).max(axis=-1, keepdims=True)
    least = np.where(given, w.rewards, np.inf).min(axis=-1, keepdims=True)
    return change, given & (w.rewards == most), given & (w.rewards == least)


@theorem(
    "-log p_RL(y) + log p_SFT(y) = log Z - r(y) / beta for every answer and every p_SFT",
    cites=DERIVED,
    assumes=CLOSED_FORM,
)
def test_the_change_of_every_log_probability_is_known(over, check):
    def slack(w):
        tilted = tilt(w.first, w.rewards, w.beta)
        told = (w.first > 1e-150) & (tilted > 1e-150)  # far below fp64 has fewer digits
        change = log_loss_changes(w.first, w.rewards, w.beta)[told]
        return agreement(log(w.first[told]) - log(tilted[told]), change)

    check(over(slack), tolerance=ROUNDING, unit="nats, relative")


@theorem(
    "no answer with a prompt's largest reward gets less likely",
    cites=DERIVED,
    assumes=CLOSED_FORM,
)
def test_no_answer_with_the_largest_reward_gets_less_likely(over, check):
    def slack(w):
        change, best, _ = of_answers(w)
        return -change[best]

    check(over(slack), tolerance=ROUNDING, unit="nats")


@theorem("no answer with a prompt's least reward gets likelier", cites=DERIVED, assumes=CLOSED_FORM)
def test_no_answer_with_the_least_reward_gets_likelier(over, check):
    def slack(w):
        change, _, worst = of_answers(w)
        return change[worst]

    check(over(slack), tolerance=ROUNDING, unit="nats")


@theorem(
    "L(p_RL) - L(p_SFT) = E log Z - J_D / beta for every p_SFT",
    cites=f"{DERIVED}; at p_SFT = p_D it is Eq. 11",
    assumes=CLOSED_FORM,
)
def test_the_change_of_the_loss_is_known_for_every_start(over, check):
    def slack(w):
        p_d, q = w.demonstrators, w.weights
        after = cross_entropy(p_d, tilt(w.first, w.rewards, w.beta), q)
        change = loss_change(w.first, p_d, w.rewards, w.beta, q)
        # infinite where a demonstrated answer is too improbable for fp64
        told = np.isfinite(after)
        return agreement(after[told], (cross_entropy(p_d, w.first, q) + change)[told])

    check(over(slack), tolerance=ROUNDING, unit="nats, relative")


@theorem(
    "RL lowers the SFT loss, or leaves it, where every demonstration earns the most",
    cites=f"{DERIVED}: the case of gold demonstrations",
    assumes=CLOSED_FORM,
)
def test_rl_never_raises_the_loss_of_gold_demonstrations(over, check):
    check(
        over(lambda w: -loss_change(w.first, w.gold, w.rewards, w.beta, w.weights)),
        tolerance=ROUNDING,
        unit="nats/sequence",
    )


@theorem(
    "RL raises the SFT loss, whatever p_SFT is",
    cites="arXiv:2601.07389v1, Theorem 3.1 without p_SFT = p_D; as its abstract is often read",
    assumes=CLOSED_FORM,
    false=True,
)
def test_that_rl_always_raises_the_sft_loss_is_false(check):
    """Gold demonstrations, 70 % of them known to the policy: RL teaches it the rest."""
    policy, gold = np.array([[0.7, 0.3]]), np.array([[1.0, 0.0]])
    rewards, beta = np.array([[1.0, -1.0]]), np.array([0.1, 1.0, 10.0])
    change = loss_change(policy, gold, rewards, beta)
    check(change, tolerance=0.0, unit="nats/sequence", where={"beta": beta})
