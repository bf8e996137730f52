"""How the gradients of SFT loss and reward lie where RL starts, to each other and in the spectrum.

F is the Fisher matrix of the flow's prompts. Its rank R is at most prompts x answers, far below the
number D of weights, and any gradient that is a sum over these prompts' answers lies in its range:
so a share above k/D says little, and one above k/R (``Alignment.rho_of_range``) more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from coupling_bench.landscape.reading import GRPO, LOSS, REWARD, MovedLandscape, moved
from coupling_bench.measures.non_decoupling import sft_step
from coupling_bench.runs import Array, Runs
from coupling_bench.theory.landscape import alignment

LOST = 1e-12
"""Eigenvalues below this share of the largest are rounding."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The gradients where RL starts, and the k leading eigenvectors there."""

    seed: int
    sft_step: int
    k: int
    cosine: float
    """cos(g_L, g_J), exact on the flow's prompts."""
    corrected_cosine: float | None
    """Of the expected gradients over all prompts, from two other draws; None: noise hides it."""
    grpo_cosine: float
    """cos(g_L, the exact direction of GRPO with scaled rewards)."""
    grpo_reward_cosine: float
    """Between that direction and g_J."""
    rho_loss: float
    """||P_k g_L||^2 / ||g_L||^2."""
    rho_reward: float
    rho_random: float
    """k / D: of a random direction of the weights."""
    rho_of_range: float
    """k / R: of a random direction in the range of F."""
    inside: float
    """What the cosine has in the leading space."""
    low: float
    """The least that the cosine can be with these shares."""
    high: float

    @property
    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A move by RL, by where it lies in the spectrum at its start; nats per sequence."""

    seed: int
    sft_step: int
    rl_step: int
    k: int
    rho: float
    """||P_k Delta||^2 / s^2."""
    damage: float
    """Delta' F Delta / 2."""
    low: float
    """s^2 lambda_k rho / 2."""
    high: float
    """s^2 [lambda_1 rho + lambda_{k+1} (1 - rho)] / 2."""
    predictor: float
    """rho lambda_1 s^2."""
    loss_change: float

    @property
    def inside(self) -> bool:
        """Whether the measured change lies where Delta' F Delta / 2 must."""
        return self.low <= self.loss_change <= self.high

    @property
    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        return {**asdict(self), "inside": self.inside}


def alignments(rl: Runs) -> list[Alignment]:
    """Return how the gradients lie where each run of RL starts: one a seed and k."""
    given = zip(rl.seeds, rl.stages, moved(rl), strict=True)
    return [
        _alignment(seen, at, seed, sft_step(stage.start))
        for seed, stage, seen in given
        for at in range(len(seen.ranks))
    ]


def damages(rl: Runs) -> list[Damage]:
    """Return the moves of RL: one a seed, snapshot after the start, and k."""
    given = zip(rl.seeds, rl.stages, moved(rl), strict=True)
    return [
        _damage(seen, at, rank, seed, sft_step(stage.start))
        for seed, stage, seen in given
        for at in range(1, len(seen.steps))
        for rank in range(len(seen.ranks))
    ]


def spectrum(rl: Runs) -> list[dict[str, float]]:
    """Return the eigenvalues of F where RL starts, but for those lost in rounding, as rows."""
    return [
        {"seed": seed, "step": sft_step(stage.start), "rank": rank, "eigenvalue": float(value)}
        for seed, stage, seen in zip(rl.seeds, rl.stages, moved(rl), strict=True)
        for rank, value in enumerate(_known(seen.eigenvalues[0]), start=1)
    ]


def decades_above(found: Iterable[Alignment], k: int, than: str) -> Array:
    """log10 of g_L's share in the k leading directions over another share, ``(S,)``.

    Args:
        found: one start of each seed.
        k: one of the ranks.
        than: the name of the other share.
    """
    return np.array([np.log10(one.rho_loss / getattr(one, than)) for one in found if one.k == k])


def outside(found: Iterable[Damage], k: int) -> Array:
    """Share of moves whose measured loss change lies outside of the bracket, ``(S,)``."""
    return np.array([np.mean([not one.inside for one in group]) for group in _seeds(found, k)])


def rank_correlation(found: Iterable[Damage], k: int) -> Array:
    """Spearman's correlation between rho lambda_1 s^2 and dL over each seed's moves, ``(S,)``."""
    from scipy.stats import spearmanr

    pairs = [[(one.predictor, one.loss_change) for one in group] for group in _seeds(found, k)]
    return np.array([spearmanr(*zip(*group, strict=True)).statistic for group in pairs])


def _seeds(found: Iterable[Damage], k: int) -> list[list[Damage]]:
    chosen = [one for one in found if one.k == k]
    return [[one for one in chosen if one.seed == s] for s in sorted({o.seed for o in chosen})]


def _known(eigenvalues: Array) -> Array:
    known: Array = eigenvalues[eigenvalues > eigenvalues[0] * LOST]
    return known


def _alignment(seen: MovedLandscape, at: int, seed: int, sft_step: int) -> Alignment:
    k, inside = int(seen.ranks[at]), seen.inside[0, at]
    whole = seen.products[0]
    rho_loss, rho_reward = (float(inside[v, v] / whole[v, v]) for v in (LOSS, REWARD))
    shared = float(inside[LOSS, REWARD] / np.sqrt(whole[LOSS, LOSS] * whole[REWARD, REWARD]))
    most = float(alignment.most_misalignment(rho_loss, rho_reward))
    return Alignment(
        seed=seed,
        sft_step=sft_step,
        k=k,
        cosine=float(seen.cosine(LOSS, REWARD)[0]),
        corrected_cosine=alignment.noise_corrected_cosine(seen.elsewhere[0]),
        grpo_cosine=float(seen.cosine(LOSS, GRPO)[0]),
        grpo_reward_cosine=float(seen.cosine(REWARD, GRPO)[0]),
        rho_loss=rho_loss,
        rho_reward=rho_reward,
        rho_random=k / int(seen.weights),
        rho_of_range=min(k / len(_known(seen.eigenvalues[0])), 1.0),
        inside=shared,
        low=shared - most,
        high=shared + most,
    )


def _damage(seen: MovedLandscape, at: int, rank: int, seed: int, sft_step: int) -> Damage:
    k, values = int(seen.ranks[rank]), np.append(seen.eigenvalues[0], np.zeros(1))
    distance = float(seen.distance[at])
    rho = float(seen.moved_inside[at, rank]) / distance**2
    kth, after = values[min(k, len(values)) - 1], values[min(k, len(values) - 1)]
    return Damage(
        seed=seed,
        sft_step=sft_step,
        rl_step=int(seen.steps[at]),
        k=k,
        rho=rho,
        damage=float(seen.fisher[at]) / 2,
        low=float(alignment.least_damage(distance, rho, kth)),
        high=float(alignment.most_damage(distance, rho, values[0], after)),
        predictor=float(rho * values[0] * distance**2),
        loss_change=float(seen.loss[at] - seen.loss[0]),
    )
