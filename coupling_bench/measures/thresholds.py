"""The thresholds of the map of validity: where each pipeline turns from helping to hurting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from coupling_bench.measures.crossings import Crossing, turns
from coupling_bench.measures.validity import LossCell, RewardCell, at_the_end, column
from coupling_bench.runs import Array


def of_epsilon(cells: Iterable[LossCell]) -> list[Crossing]:
    """Return the epsilon at which the change of the loss turns, for each noise and length of RL.

    RL lowers the loss above it. Predicted: the same crossing of the predicted changes.
    """
    return [
        Crossing.of(
            "sft_then_rl",
            "epsilon, nats/sequence",
            at,
            x=_by_seed(group, "epsilon"),
            y=_by_seed(group, "loss_change"),
            predicted=_by_seed(group, "predicted_change"),
            rises=False,
        )
        for at, group in _groups(cells, "label_noise", "rl_step")
    ]


def of_label_noise(cells: Iterable[RewardCell]) -> list[Crossing]:
    """Return the label noise at which the change of the reward turns, for each length of RL.

    SFT, at its end, raises the reward below it. Predicted: where J_D = J_RL, the limit of SFT that
    has converged.
    """
    return [
        Crossing.of(
            "rl_then_sft",
            "label noise",
            at,
            x=_by_seed(group, "label_noise"),
            y=_by_seed(group, "reward_change"),
            predicted=_by_seed(group, "demonstrator_reward") - _by_seed(group, "reward_before"),
            rises=False,
        )
        for at, group in _groups(at_the_end(cells), "rl_step")
    ]


def of_beta(cells: Iterable[LossCell], beta_star: Callable[[float], Array]) -> list[Crossing]:
    """Return the KL penalty at which the change of the loss turns, for each noise, at RL's end.

    RL lowers the loss above it. Interpolated in 1/beta, of which the closed form's change,
    multiplied by beta, is nearly linear.

    Args:
        cells: of RL with several penalties.
        beta_star: what is predicted for each seed at a label noise; NaN where there is none.
    """
    cells = list(cells)
    last = [cell for cell in cells if cell.rl_step == max(c.rl_step for c in cells)]
    found = []
    for at, group in _groups(last, "label_noise"):
        beta, closed_form = _by_seed(group, "beta"), _by_seed(group, "predicted_change")
        roots = 1 / beta_star(at["label_noise"])
        ends = turns(1 / beta, beta * closed_form, rises=True)
        turned = Crossing.of(
            "sft_then_rl, KL penalty",
            "beta",
            at,
            x=1 / beta,
            y=beta * _by_seed(group, "loss_change"),
            predicted=np.where(np.isnan(roots), ends, roots),
            rises=True,
        )
        found.append(turned.inverted())
    return found


def _groups(cells: Iterable[Any], *names: str) -> Iterator[tuple[dict[str, float], list[Any]]]:
    """Yield cells that agree in some fields, with these, in the order of the fields."""
    groups: dict[tuple[float, ...], list[Any]] = {}
    for cell in cells:
        groups.setdefault(tuple(getattr(cell, name) for name in names), []).append(cell)
    for values in sorted(groups):
        yield dict(zip(names, values, strict=True)), groups[values]


def _by_seed(cells: Sequence[Any], name: str) -> Array:
    """Return one number of each cell, ``(S, K)``, the cells of each seed in the same order."""
    seeds = sorted({cell.seed for cell in cells})
    return np.array([column([c for c in cells if c.seed == seed], name) for seed in seeds])
