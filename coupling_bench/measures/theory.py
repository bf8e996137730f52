"""What theorems are about, measured on trained models: closed sets of answers, no sampling."""

from __future__ import annotations

from dataclasses import dataclass

from coupling_bench.measures.policies import demonstrators, outcome_rewards, outcomes
from coupling_bench.runs import Observation
from coupling_bench.theory import policies, tilting
from coupling_bench.theory.threshold import effective_beta


@dataclass(frozen=True, kw_only=True)
class ClosedForm:
    """The policy of Eq. 8 that earns what a checkpoint earns, from the checkpoint's start."""

    beta: float
    """beta_eff, in reward units a nat."""
    loss_change: float
    """E log Z - J_D / beta_eff, in nats per sequence."""
    divergence: float
    """E KL(closed form || start), the least of any policy with that reward, in nats."""


def reward_variance(observation: Observation) -> float:
    """E_x Var_pD(r | x), the variance of the reward over each prompt's demonstrations.

    In squared reward units. Where it is 0, Theorem 3.1 of arXiv:2601.07389v1 predicts no
    degradation: C1(beta) = 0 for every beta.
    """
    return float(policies.variance(demonstrators(observation), outcome_rewards(observation)))


def max_reward_share(observation: Observation) -> float:
    """Share of the demonstrations that earn the most their prompt has to give, from 0 to 1.

    RL that reaches its closed form makes each of these likelier, whatever it started from.
    """
    rewards = outcome_rewards(observation)
    best = rewards == rewards.max(axis=1, keepdims=True)
    return float(policies.expected(demonstrators(observation), best))


def closed_form(start: Observation, end: Observation) -> ClosedForm | None:
    """Return the policy of Eq. 8 from ``start`` that earns what ``end`` earns, last snapshots both.

    It is nearest its start among policies with its reward, and not nearest the demonstrators, so
    that the loss of ``end`` may have changed more or less than it predicts. None where no finite
    beta above 0 gives the reward, such as where the reward fell. Source: Eq. 8 and 11 of
    arXiv:2601.07389v1; beta_eff is derived.
    """
    reference, rewards = outcomes(start), outcome_rewards(start)
    beta = effective_beta(reference, rewards, float(policies.expected(outcomes(end), rewards)))
    if beta is None:
        return None
    change = tilting.loss_change(reference, demonstrators(start), rewards, beta)
    divergence = policies.kl(tilting.tilt(reference, rewards, beta), reference)
    return ClosedForm(beta=beta, loss_change=float(change), divergence=float(divergence))
