"""The PL inequality of the SFT loss in logits: where it holds, and where no mu is above zero."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.policies import cross_entropy, kl
from coupling_bench.theory.softmax import (
    loss_gradient,
    pl_constant,
    pl_ratio_of_one_hot,
    squared_gradient_norm,
)

DERIVED = "derived from KL <= chi^2; PL is named in the abstract of arXiv:2601.07389v2"


def tight(least=1e-5, answers=201):
    """The p_D and the policy nearest to equality: all of p_D but the policy's rarest answer."""
    policy = np.full((1, answers), (1 - least) / (answers - 1))
    policy[0, 0] = least
    demonstrators = np.full((1, answers), 1 / (answers - 1))
    demonstrators[0, 0] = 0.0
    return demonstrators, policy


@theorem(
    "||grad_z L||^2 >= min_x q(x) p_min(x) E KL(p_D || p), that is 2 mu (L - L*)",
    cites=DERIVED,
    assumes="a table of logits, one row a prompt",
)
def test_the_sft_loss_satisfies_pl_in_logits(over, check):
    def slack(w):
        gap = kl(w.demonstrators, w.first, w.weights)
        norm = squared_gradient_norm(w.demonstrators, w.first, w.weights)
        return norm - 2 * pl_constant(w.first, w.weights) * gap

    # no random instance comes within 40 % of equality, and this one within half a percent
    demonstrators, policy = tight()
    norm = squared_gradient_norm(demonstrators, policy)
    excess = norm / (2 * pl_constant(policy) * kl(demonstrators, policy)) - 1
    check(np.append(over(slack), excess), tolerance=1e-14, unit="nats^2, or share of the bound")


@theorem("||grad_z L||^2 >= c p_min KL(p_D || p) with c = 1.02", cites=DERIVED, false=True)
def test_the_pl_constant_of_a_softmax_cannot_be_larger(check):
    """p_D drops the least likely of 201 answers and spreads its mass evenly over the others."""
    demonstrators, policy = tight()
    norm, gap = squared_gradient_norm(demonstrators, policy), kl(demonstrators, policy)
    check(norm / (policy.min() * gap) - 1.02, tolerance=0.0, unit="ratio")


@theorem(
    "the gradient by the logits is q(x) (p - p_D)",
    cites="the softmax's own derivative, against central differences",
)
def test_the_gradient_is_that_of_the_loss(check):
    generator = np.random.default_rng(0)
    z, step = generator.normal(size=(3, 4)), 1e-5
    demonstrators = generator.dirichlet(np.ones(4), 3)

    def loss(logits):
        policy = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        return cross_entropy(demonstrators, policy)

    shifts = step * np.eye(12).reshape(12, 3, 4)
    differences = (loss(z + shifts) - loss(z - shifts)) / (2 * step)
    gradient = loss_gradient(demonstrators, np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))
    check(agreement(differences, gradient.ravel()), tolerance=1e-9, unit="nats")


def one_hot(losses, answers=2):
    """The policies of one prompt that give the demonstrated answer e^-L, and their p_D."""
    policy = np.empty((len(losses), 1, answers))
    policy[..., 0] = np.exp(-losses)[:, None]
    policy[..., 1:] = -np.expm1(-losses)[:, None, None] / (answers - 1)
    return policy, np.eye(answers)[:1]


@theorem(
    "for one-hot demonstrations of two answers ||grad_z L||^2 / (2 L) = (1 - e^-L)^2 / L",
    cites="derived: the closed form",
)
def test_the_ratio_of_one_hot_demonstrations_is_known(check):
    losses = np.logspace(-6, 1, 1000)
    policy, gold = one_hot(losses)
    ratio = squared_gradient_norm(gold, policy) / (2 * losses)
    check(agreement(ratio / pl_ratio_of_one_hot(losses), 1.0), tolerance=1e-9, unit="ratio")


@theorem(
    "the slope of log ||grad_z L||^2 by log (L - L*) is 2 within 0.2 for one-hot demonstrations, "
    "and 1 within 0.2 for others",
    cites="derived; PL asks for a slope of at most 1 near the optimum",
    assumes="losses within 0.01 nats of the optimum; of the others each answer has p_D >= 0.02",
)
def test_the_pl_slope_is_two_for_one_hot_demonstrations_and_one_for_others(check):
    losses = np.logspace(-6, -2, 100)
    policy, gold = one_hot(losses, answers=5)
    sure = np.gradient(np.log(squared_gradient_norm(gold, policy)), np.log(losses))
    p_d = 0.02 + 0.9 * np.random.default_rng(0).dirichlet(np.ones(5), 200)[:, None, None]
    shares = np.logspace(-4, -2, 100)[:, None, None]
    mixed = (1 - shares) * p_d + shares / 5
    gaps, norms = kl(p_d, mixed), squared_gradient_norm(p_d, mixed)
    unsure = np.diff(np.log(norms), axis=1) / np.diff(np.log(gaps), axis=1)
    slack = np.concatenate([0.2 - np.abs(sure - 2), 0.2 - np.abs(unsure - 1).ravel()])
    check(slack, tolerance=0.0, unit="slope")


@theorem(
    "there is a mu > 0 with ||grad_z L||^2 >= 2 mu (L - L*) at every policy",
    cites="PL, which the abstract of arXiv:2601.07389v2 names, for one-hot demonstrations",
    false=True,
)
def test_no_pl_constant_holds_for_one_hot_demonstrations(check):
    """However small mu is, the loss falls below it."""
    mus = np.array([1e-2, 1e-4, 1e-8])
    policy, gold = one_hot(mus / 2)
    slack = squared_gradient_norm(gold, policy) - 2 * mus * cross_entropy(gold, policy)
    check(slack, tolerance=0.0, unit="nats^2", where={"mu": mus})
