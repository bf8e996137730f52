"""Where RL lowers the SFT loss, and where it must raise it: SFT checkpoints by lengths of RL.

Two thresholds that are not the same: *RL can improve SFT* where the loss fell (dL < 0), and *more
RL costs more loss than it gains reward* where the next unit of reward has its price
(``Cell.marginal_cost``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from coupling_bench.landscape.reading import (
    LOSS,
    REWARD,
    Landscape,
    MovedLandscape,
    landscapes,
    moved,
)
from coupling_bench.runs import Array, Runs
from coupling_bench.specs import FlowSpec, SnapshotSpec
from coupling_bench.theory import bounds
from coupling_bench.theory.landscape import change, threshold

DRAWS = 2000
LEAST_CROSSINGS = 3
"""Lengths of RL that a slope over them is taken of."""
WEIGHT = 1.0
"""Reward that a nat of SFT loss weighs, where it is asked whether more RL is worth its price."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """RL of some length from one SFT checkpoint; exact losses in nats per sequence."""

    seed: int
    sft_step: int
    rl_step: int
    epsilon: float
    """L - L* of the checkpoint."""
    distance: float
    """s, how far RL moved the weights."""
    gradient: float
    """||g_L|| at the checkpoint."""
    descent: float
    """c = -cos(g_L, Delta)."""
    curvature: float
    """kappa, the least of Delta' H_L Delta / s^2 where it was taken on the straight way."""
    smoothness: float
    """M, the largest eigenvalue of L's Hessian on SFT's own path."""
    mu: float
    """The largest mu that PL allows on SFT's own path."""
    loss_change: float
    second_order: float
    """The same by gradient and curvature at the checkpoint."""
    reward_change: float
    marginal_cost: float
    """dL / dJ along RL's gradient there, <g_L, g_J> / ||g_J||^2, in nats a unit of reward: RL that
    weighs a nat as lambda of reward costs more than it gains where this exceeds 1 / lambda."""
    least_change: float
    """2 (J_RL - J_D)^2 / w^2 - epsilon: no RL that earns as much changes the loss by less."""

    @property
    def rl_improved_sft(self) -> bool:
        """Whether the SFT loss fell."""
        return self.loss_change < 0

    @property
    def more_rl_costs_more_than_it_gains(self) -> bool:
        """Whether, at ``WEIGHT``, the next step of RL loses more than its reward is worth."""
        return WEIGHT * self.marginal_cost > 1

    @property
    def guaranteed(self) -> threshold.Guaranteed:
        """What the move must do to the loss, by gradient, curvature and smoothness."""
        return threshold.guaranteed(
            self.gradient, self.distance, self.descent, self.curvature, self.smoothness
        )

    @property
    def guaranteed_by_epsilon(self) -> threshold.Guaranteed:
        """The same by epsilon, smoothness and PL, which is known of fewer cells."""
        move = (self.distance, self.descent)
        if self.epsilon > threshold.least_epsilon_to_fall(*move, self.smoothness, self.mu):
            return "falls"
        least = threshold.most_epsilon_to_rise(*move, self.curvature, self.smoothness)
        return "rises" if self.epsilon < least else "undetermined"

    @property
    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        told = {
            "guaranteed": self.guaranteed,
            "guaranteed_by_epsilon": self.guaranteed_by_epsilon,
            "d6": self.least_change > 0,
            "rl_improved_sft": self.rl_improved_sft,
            "more_rl_costs_more_than_it_gains": self.more_rl_costs_more_than_it_gains,
        }
        return {**asdict(self), **told}


def cells(rl: Runs, sft: Runs) -> list[Cell]:
    """Return the cells of one node of RL: one a seed and snapshot after its start.

    Args:
        rl: flows of the reward from a checkpoint of ``sft``.
        sft: flows of the loss, of the same seeds.
    """
    given = zip(rl.seeds, rl.stages, moved(rl), landscapes(sft), strict=True)
    return [
        _cell(seen, at, of_sft, seed=seed, sft_step=sft_step(stage.start))
        for seed, stage, seen, of_sft in given
        for at in range(1, len(seen.steps))
    ]


def sft_step(start: Any) -> int:
    """Return how many steps of SFT a start of RL has had; 0 for a base."""
    if isinstance(start, SnapshotSpec):
        return start.step
    return start.max_steps if isinstance(start, FlowSpec) else 0


def _cell(seen: MovedLandscape, at: int, sft: Landscape, *, seed: int, sft_step: int) -> Cell:
    distance, gradient = float(seen.distance[at]), float(np.sqrt(seen.squared_gradient()[0]))
    lead = seen.reward[at] - seen.demonstrator_reward
    width = max(seen.rewards.max(), seen.other_reward) - min(seen.rewards.min(), seen.other_reward)
    return Cell(
        seed=seed,
        sft_step=sft_step,
        rl_step=int(seen.steps[at]),
        epsilon=float(seen.sub_optimality[0]),
        distance=distance,
        gradient=gradient,
        descent=float(-seen.slope[at] / (gradient * distance)),
        curvature=float(seen.curvature[at].min()) / distance**2,
        smoothness=float(np.nanmax(sft.smoothness)),
        mu=float(change.pl_ratio(sft.squared_gradient(), sft.sub_optimality).min()),
        loss_change=float(seen.loss[at] - seen.loss[0]),
        second_order=float(change.second_order(seen.slope[at], seen.curvature[at, 0])),
        reward_change=float(seen.reward[at] - seen.reward[0]),
        marginal_cost=float(seen.products[at, LOSS, REWARD] / seen.products[at, REWARD, REWARD]),
        least_change=float(bounds.least_loss_rise(lead, width, seen.sub_optimality[0])),
    )


def at_common_lengths(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells of those lengths of RL that every SFT checkpoint was followed by."""
    cells = list(cells)
    lengths = [{c.rl_step for c in cells if c.sft_step == s} for s in {c.sft_step for c in cells}]
    return [cell for cell in cells if cell.rl_step in set.intersection(*lengths)]


def changes(cells: Iterable[Cell], sft_step: int, rl_step: int) -> Array:
    """Return dL of one SFT checkpoint and length of RL, one a seed, ``(S,)``."""
    return np.array(
        [c.loss_change for c in cells if (c.sft_step, c.rl_step) == (sft_step, rl_step)]
    )


def disordered(cells: Iterable[Cell]) -> Array:
    """Share of lengths of RL at which dL does not go from - to + as epsilon falls, ``(S,)``.

    One sign alone is in order too: the threshold then lies outside of the checkpoints.
    """
    shares: dict[int, list[bool]] = {}
    for seed, _, group in _by_length(cells):
        signs = np.sign([cell.loss_change for cell in group])  # from the least epsilon up
        shares.setdefault(seed, []).append(bool((np.diff(signs) > 0).any()))
    return np.array([np.mean(shares[seed]) for seed in sorted(shares)])


def crossings(cells: Iterable[Cell], of: str = "loss_change") -> list[dict[str, Any]]:
    """Return for each seed and length of RL the epsilon at which dL is 0, and s there, as rows.

    Both on the straight line between neighbouring checkpoints, of log epsilon, log s and dL: from
    the least epsilon up, where dL first turns negative. Lengths without a turn are left out.

    Args:
        cells: of checkpoints that were followed by RL of the same lengths.
        of: ``loss_change`` or ``second_order``.
    """
    found = []
    for seed, rl_step, group in _by_length(cells):
        for near, far in itertools.pairwise(group):
            above, below = getattr(near, of), getattr(far, of)
            if above > 0 >= below:
                share = above / (above - below)
                epsilon, distance = (
                    float(getattr(near, name) ** (1 - share) * getattr(far, name) ** share)
                    for name in ("epsilon", "distance")
                )
                where = {"of": of, "seed": seed, "rl_step": rl_step}
                found.append({**where, "epsilon": epsilon, "distance": distance})
                break
    return found


def crossing_slopes(found: Iterable[dict[str, Any]]) -> Array:
    """Slope of log epsilon by log s over the crossings of each seed, ``(S,)``.

    Theory: 2 at a constant angle between RL and the SFT gradient, and a constant curvature.

    Raises:
        ValueError: a seed has too few crossings for a slope.
    """
    by_seed: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        by_seed.setdefault(row["seed"], []).append(row)
    slopes = []
    for seed, rows in sorted(by_seed.items()):
        if len(rows) < LEAST_CROSSINGS:
            raise ValueError(
                f"non_decoupling: the loss of seed {seed} turns at {len(rows)} lengths of RL, "
                f"needed {LEAST_CROSSINGS} for a slope. Train RL from more checkpoints."
            )
        distances, epsilons = np.log([[row["distance"], row["epsilon"]] for row in rows]).T
        slopes.append(np.polyfit(distances, epsilons, 1)[0])
    return np.array(slopes)


def bootstrap(values: Array, alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of the mean of ``values (S,)`` by drawing seeds with replacement.

    With few seeds it is too narrow.
    """
    drawn = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), (alpha / 2, 1 - alpha / 2))
    return float(low), float(high)


def _by_length(cells: Iterable[Cell]) -> Iterator[tuple[int, int, list[Cell]]]:
    """Yield the cells of each seed and length of RL by rising epsilon."""
    groups: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.seed, cell.rl_step), []).append(cell)
    for seed, rl_step in sorted(groups):
        yield seed, rl_step, sorted(groups[seed, rl_step], key=lambda cell: cell.epsilon)
