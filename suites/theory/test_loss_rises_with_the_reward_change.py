"""Whatever the algorithm: where the reward left the demonstrators', the SFT loss must rise."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theory.bounds import least_loss_rise
from coupling_bench.theory.policies import cross_entropy, expected, kl, variance
from coupling_bench.theory.tilting import c1, tilt

ROUNDING = 1e-12
DERIVED = "derived from Pinsker's inequality; not in arXiv:2601.07389v1"


def with_rewards_that_differ(w):
    """The width; infinite where all answers earn the same, so that nothing is asked."""
    return np.where(w.width > 0, w.width, np.inf)


def rise_and_least(w):
    """The rise of the SFT loss from the first policy to the second, and the least it can be."""
    p_d, q = w.demonstrators, w.weights
    rise = cross_entropy(p_d, w.second, q) - cross_entropy(p_d, w.first, q)
    gap = expected(w.second, w.rewards, q) - expected(p_d, w.rewards, q)
    return rise, least_loss_rise(gap, with_rewards_that_differ(w), kl(p_d, w.first, q))


@theorem(
    "L(p2) - L(p1) >= 2 (J(p2) - J_D)^2 / w^2 - epsilon(p1), for any two policies",
    cites=DERIVED,
)
def test_the_loss_rises_at_least_by_the_reward_gap_less_the_sub_optimality(over, check):
    def slack(w):
        rise, least = rise_and_least(w)
        return rise - least

    check(over(slack), tolerance=ROUNDING, unit="nats/sequence")


@theorem(
    "where epsilon < 2 (J_RL - J_D)^2 / w^2 the SFT loss rises",
    cites=f"the non-decoupling threshold, {DERIVED}",
    assumes="only instances that lie below the threshold are counted",
)
def test_below_the_threshold_the_loss_rises(over, check):
    def slack(w):
        rise, least = rise_and_least(w)
        return rise[least > ROUNDING]

    check(over(slack), tolerance=0.0, unit="nats/sequence")


@theorem(
    "from p_SFT = p_D the SFT loss rises by at least 2 dJ^2 / w^2",
    cites=DERIVED,
    assumes="p_SFT = p_D; any second stage",
)
def test_from_the_sft_optimum_the_loss_rises_with_the_squared_reward_change(over, check):
    def slack(w):
        q = w.weights
        rise = cross_entropy(w.first, w.second, q) - cross_entropy(w.first, w.first, q)
        change = expected(w.second, w.rewards, q) - expected(w.first, w.rewards, q)
        return rise - least_loss_rise(change, with_rewards_that_differ(w))

    check(over(slack), tolerance=ROUNDING, unit="nats/sequence")


@theorem(
    "from p_SFT = p_D the SFT loss rises by at least c dJ^2 / w^2 with c = 2.0001",
    cites=f"a larger constant than the one {DERIVED}",
    assumes="p_SFT = p_D",
    false=True,
)
def test_the_constant_of_the_least_rise_cannot_be_larger(check):
    """A fair coin pushed by 1e-3, rewards 1 and -1."""
    coin, pushed = np.array([[0.5, 0.5]]), np.array([[0.501, 0.499]])
    rewards = np.array([[1.0, -1.0]])
    change = expected(pushed, rewards) - expected(coin, rewards)
    rise = kl(coin, pushed)
    check(rise - 2.0001 / 2 * least_loss_rise(change, 2.0), tolerance=0.0, unit="nats/sequence")


@theorem(
    "on the way of the closed form dL = dJ^2 / (2 E Var(r)), within a factor of e^(3 w / beta)",
    cites="derived from arXiv:2601.07389v1, Eq. 8 and 11: a tilt of 1/beta scales variances by at "
    "most e^(w / beta)",
    assumes="p_SFT = p_D with E Var(r) above rounding; RL reaches Eq. 8",
)
def test_on_the_way_of_the_closed_form_the_loss_rises_with_the_square_of_the_reward(over, check):
    def slack(w):
        p_d, q, r = w.first, w.weights, w.rewards
        spread = variance(p_d, r, q)
        change = expected(tilt(p_d, r, w.beta), r, q) - expected(p_d, r, q)
        told = spread > 1e-4 * np.maximum(w.width, 0.01) ** 2
        rise, square = c1(p_d, r, w.beta, q)[told], change[told] ** 2 / (2 * spread[told])
        return 3 * (w.width / w.beta)[told] - np.abs(np.log(rise / square))

    check(over(slack), tolerance=1e-6, unit="log ratio")
