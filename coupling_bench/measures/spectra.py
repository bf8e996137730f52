"""What training did to singular values and subspaces of the weights, matrix by matrix.

Every number stands beside that of a random change of the same Frobenius norm, or of chance. k is
a quarter of the matrix's smaller side.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from coupling_bench import models
from coupling_bench.measures import healing
from coupling_bench.measures.reward import expected_reward, reward_curve
from coupling_bench.measures.weights import matrices
from coupling_bench.runs import Array, Runs, Split, observe
from coupling_bench.specs.edit import MATRICES
from coupling_bench.statistics import rank_correlation
from coupling_bench.theory import subspaces
from coupling_bench.theory.subspaces import Singular

PRINCIPAL = 0.1
"""Share of the weights that count as principal, and of those that changed most."""
GAIN = 0.9
"""Of the smaller of two gains of reward: where two runs are compared at equal gain."""

COMPARED = ("rotation", "value_change", "unchanged", "principal_overlap", "norm")
"""Fields of ``Drift`` that are shown where two stages have gained as much."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How one weight matrix changed from one moment to another."""

    matrix: str
    k: int
    norm: float
    """||W' - W||_F / ||W||_F. Where it is 0 the shares of the change are 0 too."""
    value_change: float
    """||sigma' - sigma|| / ||sigma||."""
    rotation: float
    """Root mean square sine between the leading subspaces, of U and of V."""
    matched_rotation: float
    """The same of a random change of equal norm."""
    random_rotation: float
    """The same between independent random subspaces: closed form."""
    wedin: float
    """Wedin's least bound on a sine over all subspaces of at most k dimensions; above 1 it says
    nothing, and infinite without a gap."""
    wedin_slack: float
    """By how much the largest sine is below its bound, where by least, over the same subspaces."""
    gap: float
    """sigma_k - sigma_{k+1} before, as a share of sigma_1."""
    value_share: float
    """Of the change, what is along u_i v_i^T: values and not vectors, to first order."""
    random_value_share: float
    inside_share: float
    """Of the change, what is within the leading subspaces."""
    random_inside_share: float
    unchanged: float
    """Share of the weights that moved by less than ``subspaces.UNCHANGED`` of themselves."""
    principal_overlap: float
    """Share of the weights that changed most which are principal ones; by chance ``PRINCIPAL``."""


@functools.lru_cache(maxsize=256)
def drifts(folder: Path, first: int, second: int) -> tuple[Drift, ...]:
    """Return how each matrix of the run in ``folder`` changed between two of its snapshots.

    Raises:
        ValueError: there is no such snapshot, no such matrix, or no whole matrix.
    """
    before, after = (matrices(folder, step, MATRICES) for step in (first, second))
    with threadpool_limits(1):  # small matrices: threads would wait for each other
        return tuple(drift(name, before[name], after[name]) for name in before)


def drift(name: str, before: Array, after: Array) -> Drift:
    """Return how one matrix, ``(M, N)``, changed; the random change is the same for the name."""
    k, change = subspaces.leading(before.shape), after - before
    one, two = Singular.of(before), Singular.of(after)
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    matched = Singular.of(before + subspaces.random_change(change, draw))
    moved = bool(change.any())
    length, up_to_k = float(np.linalg.norm(change, 2)), range(1, k + 1)
    bounds = [subspaces.wedin_bound(one, two, length, i) for i in up_to_k]
    slacks = [
        bound - float(subspaces.leading_sines(one, two, i).max())
        for bound, i in zip(bounds, up_to_k, strict=True)
    ]
    return Drift(
        matrix=name,
        k=k,
        norm=float(np.linalg.norm(change) / np.linalg.norm(before)),
        value_change=subspaces.value_change(one, two),
        rotation=subspaces.rotation(one, two, k),
        matched_rotation=subspaces.rotation(one, matched, k),
        random_rotation=subspaces.random_rotation(before.shape, k),
        wedin=min(bounds),
        wedin_slack=min(slacks),
        gap=float((one.values[k - 1] - one.values[k]) / one.values[0]),
        value_share=subspaces.value_share(one, change) if moved else 0.0,
        random_value_share=1 / max(before.shape),
        inside_share=subspaces.inside_share(one, change, k) if moved else 0.0,
        random_inside_share=k * k / change.size,
        unchanged=subspaces.unchanged_share(before, after),
        principal_overlap=subspaces.principal_overlap(one, change, k, PRINCIPAL) if moved else 0.0,
    )


def folders(runs: Runs) -> list[Path]:
    """Return the entries of all seeds of a node, in their order."""
    return [runs.store.get(stage).folder for stage in runs.stages]


def along(runs: Runs) -> list[tuple[Drift, ...]]:
    """Return the drift of each seed from the start of a stage to its end."""
    found = []
    for folder in folders(runs):
        steps = models.snapshot_steps(folder)
        found.append(drifts(folder, steps[0], steps[-1]))
    return found


def since_moment(edit: Runs) -> list[tuple[Drift, ...]]:
    """Return the drift of each seed from the moment that an edit puts back to its run's end."""
    found = []
    for stage in edit.stages:
        moment: Any = stage.start
        run = edit.store.get(moment.start).folder
        step = edit.store.get(moment).facts["steps"]
        found.append(drifts(run, step, models.snapshot_steps(run)[-1]))
    return found


def mean(found: Iterable[Sequence[Drift]], measure: str) -> Array:
    """Return one field of ``Drift`` of each seed, averaged over its matrices, ``(S,)``."""
    return np.array([np.mean([getattr(one, measure) for one in seed]) for seed in found])


def loss_ranks_as(sft: Runs, measure: str) -> Array:
    """Return how the SFT loss out of domain goes with what the weights did, over a stage, ``(S,)``.

    Spearman's correlation over the snapshots after the start. Trap: whatever grows with the steps
    correlates with whatever else does.

    Args:
        sft: observed out of domain all along.
        measure: a field of ``Drift``, since the start and averaged over matrices; or ``steps``.
    """
    found = []
    for folder, path in zip(folders(sft), healing.paths(sft), strict=True):
        start, *later = path.steps.astype(int).tolist()
        moved = later
        if measure != "steps":
            moved = mean((drifts(folder, start, step) for step in later), measure)
        found.append(rank_correlation(moved, path.loss_out_of_domain[1:]))
    return np.array(found)


def at_equal_gain(first: Runs, second: Runs, measure: str, prompts: Split) -> tuple[Array, Array]:
    """Return a field of ``Drift`` of two stages from one start where both have gained as much.

    ``(S,)`` each, averaged over matrices: linear between the two snapshots where the expected
    reward first passes ``GAIN`` of the smaller of both runs' largest gains. Trap: a run that has
    gained nothing has no such moment; require that the reward rises.
    """
    pairs = []
    seen = zip(observe(first, prompts), observe(second, prompts), strict=True)
    for places, both in zip(zip(folders(first), folders(second), strict=True), seen, strict=True):
        gains = [reward_curve(one) - reward_curve(one)[0] for one in both]
        target = GAIN * min(gain.max() for gain in gains)
        pairs.append([
            _passing(folder, one.steps.tolist(), gain, target, measure)
            for folder, one, gain in zip(places, both, gains, strict=True)
        ])  # fmt: skip
    ours, theirs = np.array(pairs).T
    return ours, theirs


def accuracy(runs: Runs, prompts: Split) -> Array:
    """Return the probability of earning the reward at temperature 1, (1 + J) / 2, ``(S,)``."""
    return (1 + expected_reward(runs, prompts)) / 2


def rows(
    stage: str, seeds: Sequence[int], found: Sequence[Sequence[Drift]]
) -> list[dict[str, Any]]:
    """Return the rows of the table ``spectra``: each seed's drift, averaged over its matrices.

    ``wedin_speaks`` is the share of the matrices with a bound below 1.
    """
    numbers = [field.name for field in dataclasses.fields(Drift) if field.type == "float"]
    kept = [name for name in numbers if not name.startswith("wedin")]
    return [
        {
            "stage": stage, "seed": seed, "matrices": len(of_seed),
            **{name: float(mean([of_seed], name)[0]) for name in kept},
            "wedin_speaks": float(np.mean([one.wedin < 1 for one in of_seed])),
        }
        for seed, of_seed in zip(seeds, found, strict=True)
    ]  # fmt: skip


def _passing(folder: Path, steps: Sequence[int], gain: Array, target: float, measure: str) -> float:
    place = int(np.argmax(gain >= target))
    later = float(mean([drifts(folder, steps[0], steps[place])], measure)[0])
    if place == 0:
        return later
    earlier = float(mean([drifts(folder, steps[0], steps[place - 1])], measure)[0])
    part = (target - gain[place - 1]) / (gain[place] - gain[place - 1])
    return earlier + float(part) * (later - earlier)


def equal_gain_rows(first: Runs, second: Runs, prompts: Split) -> list[dict[str, Any]]:
    """Return the rows of the table ``equal_gain``: two stages where both have gained as much."""
    found = {name: at_equal_gain(first, second, name, prompts) for name in COMPARED}
    return [
        {"stage": stage.node, "seed": seed, **{n: float(v[side][i]) for n, v in found.items()}}
        for side, stage in enumerate((first, second))
        for i, seed in enumerate(stage.seeds)
    ]


def edit_rows(edit: Runs, changes: Array, of: str) -> list[dict[str, Any]]:
    """Return the rows of the table ``edits``: what an edit does to an accuracy, and its length.

    Args:
        edit: the edited checkpoints.
        changes: of the accuracy, ``(S,)``.
        of: what it is the accuracy of.
    """
    facts = [edit.store.get(stage).facts for stage in edit.stages]
    return [
        {"edit": edit.node, "of": of, "seed": seed, "change": float(change), "norm": one["norm"]}
        for seed, change, one in zip(edit.seeds, changes, facts, strict=True)
    ]
