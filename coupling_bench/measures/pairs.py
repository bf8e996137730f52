"""Checkpoints on the same prompts, and all that bounds ask of every pair of them.

Losses and rewards are those that are reported (``loss``, ``reward``), divergences those of the
policies over the answers and anything else. On real data p_D is what was demonstrated, with
certainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from coupling_bench.measures import loss, reward
from coupling_bench.measures.policies import demonstrators, outcome_rewards, outcomes
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.specs import StageSpec
from coupling_bench.theory import policies


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """N checkpoints that answered the same prompts, and what bounds ask of them."""

    node: str
    seed: int | None
    """None: of several seeds."""
    names: tuple[str, ...]
    """What each is called, ``(N,)``."""
    losses: Array
    """L, in nats per sequence, ``(N,)``."""
    rewards: Array
    """J, ``(N,)``."""
    divergences: Array
    """E KL(i || j), in nats per sequence, ``(N, N)``."""
    from_demonstrators: Array
    """E KL(p_D || i), in nats per sequence, ``(N,)``."""
    least_loss: float
    """L* = H(p_D), in nats per sequence."""
    demonstrator_reward: float
    lowest_reward: float
    """The least that any answer, or anything else, earns on any prompt."""
    largest_reward: float

    @property
    def sub_optimality(self) -> Array:
        """Epsilon = L - L*, in nats per sequence, ``(N,)``."""
        return self.losses - self.least_loss

    @property
    def width(self) -> float:
        """w, the width of the interval that rewards lie in."""
        return self.largest_reward - self.lowest_reward


def along(runs: Runs, prompts: Split) -> Iterator[Checkpoints]:
    """Yield the snapshots of each stage of a node; the base, one for all seeds, comes once."""
    for seed, seen in _of_stages(runs, prompts).values():
        yield _checkpoints(
            runs,
            seen,
            seed=seed,
            names=tuple(f"step {step}" for step in seen.steps),
            every=outcomes(seen, slice(None)),
            losses=loss.loss_curve(seen),
            rewards=reward.reward_curve(seen),
        )


def at_the_end(every_run: Iterable[Runs], prompts: Split) -> Iterator[Checkpoints]:
    """Yield the final checkpoints of all runs, those together that answered the same prompts.

    The same are prompts with the same demonstrators and the same rewards.
    """
    alike: dict[Any, list[tuple[Runs, str, Observation]]] = {}
    for runs in every_run:
        for seed, seen in _of_stages(runs, prompts).values():
            kind = tuple(seen.prompts), seen.demonstrated.tobytes(), seen.rewards.tobytes()
            alike.setdefault(kind, []).append((runs, f"{runs.node} seed {seed}", seen))
    for members in alike.values():
        every_runs, names, observations = zip(*members, strict=True)
        yield _checkpoints(
            every_runs[0],
            observations[0],
            seed=None,
            names=names,
            every=np.stack([outcomes(seen) for seen in observations]),
            losses=np.array([loss.loss_curve(seen)[-1] for seen in observations]),
            rewards=np.array([reward.reward_curve(seen)[-1] for seen in observations]),
        )


def _checkpoints(
    runs: Runs,
    seen: Observation,
    *,
    seed: int | None,
    names: tuple[str, ...],
    every: Array,
    losses: Array,
    rewards: Array,
) -> Checkpoints:
    """Return N checkpoints from their outcomes ``(N, P, O)``; ``seen`` is any of them.

    ``runs`` are those of a node, or where there is no seed one of several.
    """
    p_d, earned = demonstrators(seen), outcome_rewards(seen)
    known = loss.optimal_loss(runs.task)
    return Checkpoints(
        node="finals" if seed is None else runs.node,
        seed=seed,
        names=names,
        losses=losses,
        rewards=rewards,
        divergences=_divergences(every),
        from_demonstrators=policies.kl(p_d, every),
        least_loss=float(policies.entropy(p_d)) if known is None else known,
        demonstrator_reward=float(policies.expected(p_d, earned)),
        lowest_reward=float(earned.min()),
        largest_reward=float(earned.max()),
    )


def _divergences(every: Array) -> Array:
    """Return E KL of all pairs at once, as a product of matrices, ``(N, N)``."""
    flat = every.reshape(len(every), -1)
    logs = np.log(np.maximum(flat, np.finfo(float).tiny))
    return np.maximum((flat * logs).sum(axis=1)[:, None] - flat @ logs.T, 0.0) / every.shape[1]


def _of_stages(runs: Runs, prompts: Split) -> dict[StageSpec, tuple[int, Observation]]:
    """Return the seed and the observation of each stage, the first seed's where they share one."""
    found: dict[StageSpec, tuple[int, Observation]] = {}
    for stage, seed, seen in zip(runs.stages, runs.seeds, observe(runs, prompts), strict=True):
        found.setdefault(stage, (seed, seen))
    return found
