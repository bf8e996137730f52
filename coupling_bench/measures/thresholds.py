"""The thresholds of the map of validity: where each pipeline turns from helping to hurting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from coupling_bench.measures.crossings import Crossing, sign_changes
from coupling_bench.measures.validity import LossCell, RewardCell, at_the_end, column
from coupling_bench.runs import Array


def of_epsilon(cells: Iterable[LossCell]) -> list[Crossing]:
    """Return the epsilon at which the change of the loss turns, for each noise and length of RL.

    Predicted: the same crossing of the predicted changes.
    """
    found = []
    for at, group in _groups(cells, "label_noise", "rl_step"):
        epsilon = _by_seed(group, "epsilon")
        found.append(
            Crossing.of(
                "sft_then_rl",
                "epsilon, nats/sequence",
                at,
                epsilon,
                _by_seed(group, "loss_change"),
                sign_changes(epsilon, _by_seed(group, "predicted_change")),
            )
        )
    return found


def of_label_noise(cells: Iterable[RewardCell]) -> list[Crossing]:
    """Return the label noise at which the change of the reward turns, for each length of RL.

    At the end of SFT. Predicted: where J_D = J_RL, in the limit of SFT that has converged.
    """
    found = []
    for at, group in _groups(at_the_end(cells), "rl_step"):
        noise = _by_seed(group, "label_noise")
        lead = _by_seed(group, "demonstrator_reward") - _by_seed(group, "reward_before")
        found.append(
            Crossing.of(
                "rl_then_sft",
                "label noise",
                at,
                noise,
                _by_seed(group, "reward_change"),
                sign_changes(noise, lead),
            )
        )
    return found


def of_beta(cells: Iterable[LossCell], predicted: Callable[[float], Array]) -> list[Crossing]:
    """Return the KL penalty at which the change of the loss turns, for each noise, at RL's end.

    Interpolated in 1/beta, of which the closed form's change, multiplied by beta, is nearly linear.

    Args:
        cells: of RL with several penalties.
        predicted: beta* of each seed at a label noise.
    """
    found = []
    cells = list(cells)
    last = [cell for cell in cells if cell.rl_step == max(c.rl_step for c in cells)]
    for at, group in _groups(last, "label_noise"):
        beta = _by_seed(group, "beta")
        turned = Crossing.of(
            "sft_then_rl, KL penalty",
            "beta",
            at,
            1 / beta,
            beta * _by_seed(group, "loss_change"),
            1 / predicted(at["label_noise"]),
        )
        found.append(turned.inverted())
    return found


def off_by(crossings: Iterable[Crossing], *, relative: bool) -> Array:
    """Mean distance of measured from predicted crossings, one a seed, ``(S,)``.

    Over those that every seed has, both measured and predicted.

    Args:
        crossings: of one kind.
        relative: whether the distance is |log(measured / predicted)|, or in their own unit.

    Raises:
        ValueError: there is none.
    """
    both = [
        c for c in crossings if np.isfinite(c.measured).all() and np.isfinite(c.predicted).all()
    ]
    if not both:
        raise ValueError(
            "crossings: no change turns its sign for every seed, both measured and predicted; "
            "needed one at least. Train cells on both sides of the threshold."
        )
    scale = np.log if relative else np.asarray
    return np.mean([np.abs(scale(c.measured) - scale(c.predicted)) for c in both], axis=0)


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
