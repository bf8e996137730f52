"""What theorems are about, measured on trained models: no sampling, one number a seed.

Where answers are open, or a quantity is unknown or without bound, it is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coupling_bench.measures import loss, reward
from coupling_bench.measures.divergence import forward_kl, kl_by_item, reverse_kl
from coupling_bench.measures.policies import demonstrators, outcome_rewards, outcomes
from coupling_bench.runs import Observation, Runs, Split, observe
from coupling_bench.specs import parent
from coupling_bench.tasks import optimal_loss_is_known
from coupling_bench.theory import policies, tilting
from coupling_bench.theory.threshold import effective_beta


@dataclass(frozen=True, kw_only=True)
class ClosedForm:
    """The policy of Eq. 8 that earns what a checkpoint earns, from the checkpoint's start."""

    beta: float
    """beta_eff, in reward units a nat."""
    reward: float
    """J of the closed form: the checkpoint's, as far as numbers go."""
    loss_change: float
    """E log Z - J_D / beta_eff, in nats per sequence."""
    divergence: float
    """E KL(closed form || start), the least of any policy with that reward, in nats."""


def demonstrator_entropy(runs: Runs, demonstrations: Split) -> float | None:
    """Entropy H(p_D) of the demonstrators, in nats per sequence: the smallest possible L.

    None on real data, where p_D is not known. On ``grammar`` the closed form of
    ``loss.optimal_loss``, here from the probabilities themselves.
    """
    if not optimal_loss_is_known(runs.task):
        return None
    return float(policies.entropy(observe(runs, demonstrations)[0].demonstrated))


def reward_variance(runs: Runs, prompts: Split) -> float | None:
    """E_x Var_pD(r | x), the variance of the reward over each prompt's demonstrations.

    In squared reward units; None on real data, where p_D is not known. Where it is 0, Theorem 3.1
    of arXiv:2601.07389v1 predicts no degradation: C1(beta) = 0 for every beta.
    """
    if not optimal_loss_is_known(runs.task):
        return None
    seen = observe(runs, prompts)[0]
    return float(policies.variance(seen.demonstrated, seen.rewards))


def max_reward_share(runs: Runs, prompts: Split) -> float | None:
    """Share of the demonstrations that earn the most their prompt has to give, from 0 to 1.

    RL that reaches its closed form makes each of these likelier, whatever it started from. None
    where answers are open.
    """
    seen = observe(runs, prompts)[0]
    if not seen.closed:
        return None
    rewards = outcome_rewards(seen)
    best = rewards == rewards.max(axis=1, keepdims=True)
    return float(policies.expected(demonstrators(seen), best))


def closed_form(start: Observation, end: Observation) -> ClosedForm | None:
    """Return the policy of Eq. 8 from ``start`` that earns what ``end`` earns.

    Both by their last snapshots. What RL did is compared with what this predicts: no sign of the
    difference is guaranteed, as the closed form is nearest its start among policies with its
    reward, and not nearest the demonstrators. None where no finite beta above 0 gives the reward,
    such as when the reward fell.

    Source: Eq. 8 and 11 of arXiv:2601.07389v1; beta_eff is derived.
    """
    reference, rewards = outcomes(start), outcome_rewards(start)
    beta = effective_beta(reference, rewards, float(policies.expected(outcomes(end), rewards)))
    if beta is None:
        return None
    tilted = tilting.tilt(reference, rewards, beta)
    change = tilting.loss_change(reference, demonstrators(start), rewards, beta)
    return ClosedForm(
        beta=beta,
        reward=float(policies.expected(tilted, rewards)),
        loss_change=float(change),
        divergence=float(policies.kl(tilted, reference)),
    )


def starts(every_run: Iterable[Runs]) -> list[tuple[Runs, Runs]]:
    """Return each node with what it started from, where that is a node among these."""
    every = list(every_run)
    nodes = {stage: runs.node for runs in every for stage in runs.stages}
    found = []
    for runs in every:
        stages = tuple(start for stage in runs.stages if (start := parent(stage)) in nodes)
        if len(stages) == len(runs.stages):
            found.append((runs, replace(runs, node=nodes[stages[0]], stages=stages)))
    return found


def nearness(runs: Runs, start: Runs, prompts: Split) -> list[tuple[str, float]]:
    """Return how much further a node is from its start than the closed form with its reward.

    E KL(node || start) - E KL(closed form || start) >= 0, in nats per sequence, one a seed, with
    what it is called. Seeds without a closed form are left out.
    """
    pairs = zip(runs.seeds, observe(runs, prompts), observe(start, prompts), strict=True)
    return [
        (f"{runs.node} seed {seed}", float(kl_by_item(end, begin).mean()) - form.divergence)
        for seed, end, begin in pairs
        if (form := closed_form(begin, end)) is not None
    ]


def rows(runs: Runs, start: Runs, prompts: Split) -> list[dict[str, Any]]:
    """Return one row a seed: what theorems ask of a node and of the node it started from.

    ``ratio`` is the measured over the predicted change of the SFT loss.
    """
    before, after = observe(start, prompts), observe(runs, prompts)
    forms = [
        closed_form(*pair) if pair[0].closed else None for pair in zip(before, after, strict=True)
    ]
    rewards = reward.expected_reward(runs, prompts)
    changes = loss.sft_loss(runs, prompts) - loss.sft_loss(start, prompts)
    columns: dict[str, Any] = {
        "seed": runs.seeds,
        "epsilon": loss.sub_optimality(runs, prompts),
        "demonstrator_entropy": demonstrator_entropy(runs, prompts),
        "demonstrator_reward": reward.demonstrator_reward(runs, prompts),
        "reward": rewards,
        "reward_variance": reward_variance(runs, prompts),
        "max_reward_share": max_reward_share(runs, prompts),
        "forward_kl": forward_kl(runs, start, prompts),
        "reverse_kl": reverse_kl(runs, start, prompts),
        "loss_change": changes,
        "reward_change": rewards - reward.expected_reward(start, prompts),
        "effective_beta": [form and form.beta for form in forms],
        "predicted_loss_change": [form and form.loss_change for form in forms],
        "ratio": [
            form and change / form.loss_change for form, change in zip(forms, changes, strict=True)
        ],
    }
    return [
        {"node": runs.node, "start": start.node}
        | {name: _json(column, place) for name, column in columns.items()}
        for place in range(len(runs.seeds))
    ]


def _json(column: Any, place: int) -> float | None:
    """Return one seed's value of a column, or what is the same for all."""
    value = column if column is None or np.ndim(column) == 0 else column[place]
    return value.item() if isinstance(value, np.generic) else value
