"""Whether some schedules reach a point of loss and reward that no other of some schedules reaches.

A point lies beyond others by t if each of them is worse than it by t in loss or in reward (the
additive epsilon indicator, Zitzler et al. 2003, IEEE Trans. Evol. Comput. 7(2)). Both are counted
in what the two orders differ by at their ends, so that 1 is the whole of what is traded.

The best of many points is overrated by chance, and the more so the more there are. So what is
compared is chosen on other seeds and other items than it is scored on: for each seed, the point of
ours that lies furthest beyond theirs, which of theirs comes nearest to it, and whether the margin
is one of loss or of reward, are those of the other seeds' means on every second item; the score is
that one difference on this seed's other items, and again with the items exchanged. More schedules
on one side help it where they are better on average, and not by being more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coupling_bench.measures.paths import Path, compute, dense, path
from coupling_bench.runs import HALVES, Array, Runs, Split
from coupling_bench.statistics import student_interval
from coupling_bench.theory.landscape.duration import on_pareto_front


def beyond(
    ours: Sequence[Runs], theirs: Sequence[Runs], orders: Sequence[Runs], split: Split
) -> Array:
    """How far ours lie beyond theirs, in shares of what the orders differ by, ``(S,)``.

    0: on the front of theirs; below 0: behind it.

    Args:
        ours: schedules of which one is to lie beyond theirs at some moment.
        theirs: schedules, at any moment.
        orders: SFT then RL, and RL then SFT, whose ends set the unit.
        split: of the items.
    """
    unit = np.abs(apart(orders, split).mean(axis=0))
    of_halves = []
    for half in HALVES:
        sides = [[dense(path(runs, split, half)) for runs in side] for side in (ours, theirs)]
        of_halves.append(differences(*map(_points, sides)) / unit)
    first, second = of_halves
    return (scored(first, second) + scored(second, first)) / 2


def apart(orders: Sequence[Runs], split: Split) -> Array:
    """Loss and reward of SFT then RL minus those of RL then SFT, at their ends, ``(S, 2)``."""
    first, second = (path(runs, split) for runs in orders)
    return np.stack(
        [
            first.losses[:, -1] - second.losses[:, -1],
            first.rewards[:, -1] - second.rewards[:, -1],
        ],
        axis=1,
    )


def differences(ours: Array, theirs: Array) -> Array:
    """By how much each of A points is better than each of B, in loss and reward, ``(S, A, B, 2)``.

    Args:
        ours: loss and reward, ``(S, A, 2)``.
        theirs: the same, ``(S, B, 2)``.
    """
    better = ours[:, :, None] - theirs[:, None]
    better[..., 0] *= -1  # less loss is better
    return better


def scored(choosing: Array, scoring: Array) -> Array:
    """Score what all other seeds would choose, ``(S,)``; a seed alone chooses for itself.

    Args:
        choosing: ``differences`` on the items that choose, ``(S, A, B, 2)``.
        scoring: those on the items that score.
    """
    found = []
    for seed in range(len(scoring)):
        others = np.delete(choosing, seed, axis=0) if len(choosing) > 1 else choosing
        means = others.mean(axis=0)
        one = int(means.max(axis=2).min(axis=1).argmax())
        nearest = int(means[one].max(axis=1).argmin())
        found.append(scoring[seed, one, nearest, int(means[one, nearest].argmax())])
    return np.array(found)


def points(schedules: Sequence[Runs], split: Split) -> list[dict[str, Any]]:
    """Return a row for each snapshot of each schedule: means over seeds, with their intervals.

    ``on_front`` tells whether no other mean of these is better in both; ``end``, its last point.
    """
    rows = []
    for runs in schedules:
        found = path(runs, split)
        spent = compute(runs.stages[0])
        for place, step in enumerate(found.steps):
            row = {"schedule": runs.node, "step": int(step), "end": place == len(found.steps) - 1}
            for name, values in (("loss", found.losses), ("reward", found.rewards)):
                of_step = student_interval(values[:, place])
                bounded = len(values) > 1  # JSON has no infinity
                row |= {
                    name: of_step.estimate,
                    f"{name}_low": of_step.low if bounded else None,
                    f"{name}_high": of_step.high if bounded else None,
                }
            rows.append({**row, "seeds": len(runs.seeds), **spent})
    rewards, losses = (np.array([row[name] for row in rows]) for name in ("reward", "loss"))
    for row, on_front in zip(rows, on_pareto_front(rewards, losses).tolist(), strict=True):
        row["on_front"] = on_front
    return rows


def _points(paths: Sequence[Path]) -> Array:
    """Return all points of some paths, loss and reward, ``(S, N, 2)``."""
    both = [np.stack([one.losses, one.rewards], axis=2) for one in paths]
    return np.concatenate(both, axis=1)
