"""The cells of the map of validity: what theory predicts of each, and what was measured.

A cell is one start, one demonstrator and one length of the second stage. All of it is exact over
the closed set of answers, on the held-out prompts; losses and divergences are nats per sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from coupling_bench import models
from coupling_bench.measures.policies import outcome_rewards, outcomes
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.theory import bounds, policies, threshold, tilting

HELD_OUT = Split(name="held_out")


@dataclass(frozen=True, kw_only=True)
class LossCell:
    """RL from some policy, and the SFT loss on some demonstrators before and after it."""

    label_noise: float
    """Rate at which the demonstrators flip the truth."""
    sft_step: int
    """Steps of SFT on these demonstrators before RL; 0: RL starts from the base."""
    rl_step: int
    trainer: str
    beta: float
    """Coefficient of RL's KL penalty."""
    seed: int
    epsilon: float
    """E KL(p_D || p) of the policy that RL starts from: its SFT loss above the least, H(p_D)."""
    demonstrator_reward: float
    reward_before: float
    reward: float
    loss_change: float
    kl_demonstrators_rl: float
    """E KL(p_D || p_RL): the loss rises if epsilon is below it, exactly."""
    lower_bound: float
    """2 (J_RL - J_D)^2 / w^2: what E KL(p_D || p_RL) is at least, whatever the algorithm."""
    predicted_change: float | None
    """The change if RL had reached the closed form of Eq. 8 of arXiv:2601.07389v1, at beta or, for
    RL without a penalty, at the beta whose optimum earns ``reward``. None: there is no such one."""

    @property
    def must_rise(self) -> bool:
        """Whether epsilon lies below the lower bound, so that no RL could lower the loss."""
        return self.epsilon < self.lower_bound

    @property
    def predicted_sign(self) -> int | None:
        """1: the loss is predicted to rise; -1: to fall."""
        return None if self.predicted_change is None else _sign(self.predicted_change)

    @property
    def measured_sign(self) -> int:
        """1: the loss rose; -1: it fell."""
        return _sign(self.loss_change)


@dataclass(frozen=True, kw_only=True)
class RewardCell:
    """SFT from a moment of RL, and the expected reward before and after it."""

    label_noise: float
    rl_step: int
    """Steps of RL before SFT."""
    sft_step: int
    seed: int
    demonstrator_reward: float
    reward_before: float
    reward: float
    reward_change: float

    @property
    def predicted_sign(self) -> int:
        """1: the demonstrators earn more than the RL policy, and SFT goes towards them."""
        return _sign(self.demonstrator_reward - self.reward_before)

    @property
    def measured_sign(self) -> int:
        """1: the reward rose; -1: it fell."""
        return _sign(self.reward_change)


def loss_cells(
    runs: Runs, label_noise: float, sft_step: int, *, trainer: str = "exact", beta: float = 0.0
) -> list[LossCell]:
    """Return the cells of one node that trains by RL: one a seed and snapshot after its start."""
    return [
        _loss_cell(
            seen,
            at,
            label_noise=label_noise,
            sft_step=sft_step,
            seed=seed,
            trainer=trainer,
            beta=beta,
        )
        for seed, seen in zip(runs.seeds, observe(runs, HELD_OUT), strict=True)
        for at in range(1, len(seen.steps))
    ]


def reward_cells(runs: Runs, label_noise: float, rl_step: int) -> list[RewardCell]:
    """Return the cells of one node that trains by SFT after RL: one a seed and snapshot."""
    return [
        cell
        for seed, seen in zip(runs.seeds, observe(runs, HELD_OUT), strict=True)
        for cell in _reward_cells(seen, label_noise, rl_step, seed)
    ]


def threshold_betas(runs: Runs, label_noise: float) -> Array:
    """Beta* of what each run of RL starts from, above which RL lowers the loss, ``(S,)``.

    In reward units a nat; NaN where there is none (``theory.threshold.regime``).
    """
    found = []
    for seen in observe(runs, HELD_OUT):
        given = demonstrators(seen, label_noise)
        found.append(threshold.threshold_beta(outcomes(seen, 0), given, outcome_rewards(seen)))
    return np.array(found, dtype=float)


def demonstrators(seen: Observation, label_noise: float) -> Array:
    """p_D of annotators who flip the truth at a rate, over the outcomes, ``(P, A + 1)``.

    Whichever annotators the observed policy was trained on: one policy can be held against several.
    """
    answers = seen.answer_logps.shape[2]
    true = np.arange(answers) == seen.truth[:, None]
    given = np.where(true, 1.0 - label_noise, label_noise / (answers - 1))
    return np.pad(given, ((0, 0), (0, 1)))


def size(runs: Runs) -> int:
    """Number of the model's parameters."""
    return models.parameters(runs.store.get(runs.stages[0]).folder)


def rows(cells: Iterable[LossCell | RewardCell], size: int) -> list[dict[str, Any]]:
    """Return cells as rows of a table, with the number of the model's parameters."""
    named = ("must_rise", "predicted_sign", "measured_sign")
    return [
        {
            "size": size,
            **asdict(cell),
            **{name: getattr(cell, name) for name in named if hasattr(cell, name)},
        }
        for cell in cells
    ]


def below_threshold(cells: Iterable[LossCell], at_least: int) -> list[LossCell]:
    """Return the cells where epsilon < 2 (J_RL - J_D)^2 / w^2.

    Raises:
        ValueError: a seed has fewer of them than ``at_least``, and nothing could be said.
    """
    found = [cell for cell in cells if cell.must_rise]
    for seed in sorted({cell.seed for cell in cells}):
        many = sum(cell.seed == seed for cell in found)
        if many < at_least:
            raise ValueError(
                f"validity: seed {seed} has {many} cells where epsilon < 2 (J_RL - J_D)^2 / w^2, "
                f"needed {at_least}. Train more cells with noisy demonstrators or longer RL."
            )
    return found


def column(cells: Iterable[Any], name: str) -> Array:
    """Return one number of each cell."""
    return np.array([getattr(cell, name) for cell in cells], dtype=float)


def columns(cells: Iterable[Any], *names: str) -> Mapping[str, Array]:
    """Return some numbers of each cell by their name, to say where something happened."""
    return {name: column(cells, name) for name in names}


def at_the_end(cells: Iterable[RewardCell]) -> list[RewardCell]:
    """Return the cells of the last SFT step."""
    cells = list(cells)
    return [cell for cell in cells if cell.sft_step == max(c.sft_step for c in cells)]


def other_signs(cells: Iterable[LossCell], others: Iterable[LossCell]) -> Array:
    """Share of cells whose sign is another than that of the same cell of ``others``, ``(S,)``.

    The same: of one seed, noise, start and length of RL; cells without such a one do not count.
    """
    signs = {_place(cell): cell.measured_sign for cell in others}
    by_seed: dict[int, list[bool]] = {}
    for cell in cells:
        if _place(cell) in signs:
            by_seed.setdefault(cell.seed, []).append(cell.measured_sign != signs[_place(cell)])
    return np.array([np.mean(by_seed[seed]) for seed in sorted(by_seed)])


def wrong_signs(cells: Iterable[LossCell | RewardCell]) -> Array:
    """Share of cells whose sign is not the predicted one, one a seed, ``(S,)``.

    Cells without a prediction do not count.
    """
    by_seed: dict[int, list[bool]] = {}
    for cell in cells:
        if cell.predicted_sign is not None:
            by_seed.setdefault(cell.seed, []).append(cell.predicted_sign != cell.measured_sign)
    return np.array([np.mean(by_seed[seed]) for seed in sorted(by_seed)])


def _loss_cell(seen: Observation, at: int, *, label_noise: float, **named: Any) -> LossCell:
    start, policy, rewards = outcomes(seen, 0), outcomes(seen, at), outcome_rewards(seen)
    given = demonstrators(seen, label_noise)
    losses = policies.cross_entropy(given, np.stack([start, policy]))
    before, after = policies.expected(np.stack([start, policy]), rewards)
    demonstrated = policies.expected(given, rewards)
    beta = named["beta"] or threshold.effective_beta(start, rewards, float(after))
    return LossCell(
        **named,
        label_noise=label_noise,
        rl_step=int(seen.steps[at]),
        epsilon=float(losses[0] - policies.entropy(given)),
        demonstrator_reward=float(demonstrated),
        reward_before=float(before),
        reward=float(after),
        loss_change=float(losses[1] - losses[0]),
        kl_demonstrators_rl=float(policies.kl(given, policy)),
        lower_bound=float(bounds.least_loss_rise(after - demonstrated, np.ptp(rewards))),
        predicted_change=(
            None if beta is None else float(tilting.loss_change(start, given, rewards, beta))
        ),
    )


def _reward_cells(
    seen: Observation, label_noise: float, rl_step: int, seed: int
) -> Iterator[RewardCell]:
    rewards = outcome_rewards(seen)
    curve = policies.expected(outcomes(seen, slice(None)), rewards)
    demonstrated = policies.expected(demonstrators(seen, label_noise), rewards)
    for step, earned in zip(seen.steps[1:], curve[1:], strict=True):
        yield RewardCell(
            label_noise=label_noise,
            rl_step=rl_step,
            sft_step=int(step),
            seed=seed,
            demonstrator_reward=float(demonstrated),
            reward_before=float(curve[0]),
            reward=float(earned),
            reward_change=float(earned - curve[0]),
        )


def _place(cell: LossCell) -> tuple[int, float, int, int]:
    return cell.seed, cell.label_noise, cell.sft_step, cell.rl_step


def _sign(number: float) -> int:
    return int(np.sign(number))
