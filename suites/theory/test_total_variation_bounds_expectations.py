"""Total variation and expectations: Eq. 5 with its factor 2, and Pinsker's inequality."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.bounds import most_expectation_gap, most_total_variation
from coupling_bench.theory.policies import expected, kl, total_variation

ROUNDING = 1e-12


def gap(w):
    return np.abs(
        expected(w.second, w.rewards, w.weights) - expected(w.first, w.rewards, w.weights)
    )


def distance(w):
    return total_variation(w.first, w.second, w.weights)


@theorem(
    "|E_p f - E_p' f| <= 2 sup|f| TV(p, p')",
    cites="arXiv:2601.07389v1, Eq. 5 with the factor 2 of its Eq. 16",
)
def test_expectations_differ_by_at_most_twice_the_largest_value_times_total_variation(over, check):
    def slack(w):
        largest = np.abs(w.rewards).max(axis=(1, 2))
        return (most_expectation_gap(distance(w), largest) - gap(w)) / np.maximum(largest, 1)

    check(over(slack), tolerance=ROUNDING, unit="sup|f|")


@theorem(
    "|E_p f - E_p' f| <= sup|f| TV(p, p')",
    cites="arXiv:2601.07389v1, Eq. 5 as it stands",
    false=True,
)
def test_eq_5_without_its_factor_2_is_false(check):
    """With f = 1 and -1 on disjoint supports the expectations differ by 2, and sup|f| TV = 1."""
    first, second, f = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([[1.0, -1.0]])
    difference = np.abs(expected(first, f) - expected(second, f))
    check(total_variation(first, second) - difference, tolerance=0.0, unit="sup|f|")


@theorem(
    "total variation is the largest difference of an event's probability",
    cites="the definition that the factor 2 belongs to",
)
def test_total_variation_is_the_largest_difference_of_an_event(worlds, check):
    """Against all 2^Y events, one prompt at a time."""
    slacks = []
    for w in worlds:
        answers = w.first.shape[-1]
        if answers > 7:
            continue
        events = (np.arange(2**answers)[:, None] >> np.arange(answers)) & 1
        largest = ((w.first - w.second) @ events.T).max(axis=-1)
        each = total_variation(w.first[..., None, :], w.second[..., None, :])
        slacks.append(agreement(each, largest).ravel())
    check(np.concatenate(slacks), tolerance=ROUNDING, unit="probability")


@theorem("E TV(p, p') <= sqrt(E KL(p || p') / 2)", cites="Pinsker's and Jensen's inequalities")
def test_total_variation_is_at_most_pinskers(over, check):
    def slack(w):
        divergences = kl(w.first, w.second, w.weights), kl(w.second, w.first, w.weights)
        return [most_total_variation(d) - distance(w) for d in divergences]

    check(over(slack), tolerance=ROUNDING, unit="probability")


@theorem(
    "E TV(p, p') <= c sqrt(E KL(p || p') / 2) with c = 0.9999",
    cites="Pinsker's inequality with a smaller constant",
    false=True,
)
def test_pinskers_constant_cannot_be_smaller(check):
    """A fair coin pushed by 1e-4."""
    coin, pushed = np.array([[0.5, 0.5]]), np.array([[0.5001, 0.4999]])
    bound = 0.9999 * most_total_variation(kl(pushed, coin))
    check(bound - total_variation(pushed, coin), tolerance=0.0, unit="probability")
