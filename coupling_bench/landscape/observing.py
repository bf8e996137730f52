"""What a ``LandscapeSpec`` asks of a flow's snapshots, written as small arrays.

Axes: T snapshots, V values of ``surface.VALUES``, N prompts, A answers, S snapshots with a
spectrum, K ranks. What is not asked is NaN or not there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coupling_bench import models
from coupling_bench.fingerprint import address
from coupling_bench.landscape import spectra
from coupling_bench.landscape.surface import Surface, twice_differentiable
from coupling_bench.progress import Progress, tell
from coupling_bench.specs import LandscapeSpec, model_of
from coupling_bench.stages.objectives import Objective

ARRAYS = "landscape.npz"
ALONG = (0.0, 0.5, 1.0)
"""Where on the straight way from the start the curvature along it is taken."""
OTHER_DRAWS = (1_000_003, 2_000_003)
"""Added to the seed: two further draws of as many prompts, apart from the flow's and each other."""


def run(spec: LandscapeSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Observe the snapshots of the flow in ``start`` and write ``landscape.npz``.

    ``steps (T,)``; ``answer_logps (T, N, A)`` in nats; ``demonstrated (N, A)``, ``rewards (N, A)``
    and ``other_reward ()``; ``products (T, V, V)`` between the gradients of ``surface.VALUES``;
    ``smoothness (T,)``, the largest eigenvalue of L's Hessian; ``spectrum_steps (S,)``,
    ``eigenvalues (S, R)`` of the Fisher matrix, falling, ``ranks (K,)``, ``inside (S, K, V, V)``,
    products of the gradients' projections on the k leading eigenvectors, ``elsewhere (S, 4, 4)``,
    products of g_L, g_L, g_J, g_J on two other draws of prompts; ``weights ()``, their number D.

    Of moves from the start, where the objective is the reward: ``distance (T,)``, ``slope (T,)``
    <g_L, Delta>, ``curvature (T, 3)`` Delta' H_L Delta at the start, half way and at the snapshot,
    ``fisher (T,)`` Delta' F Delta at the start, ``moved_inside (T, K)`` ||P_k Delta||^2, and
    ``bends (3,)``: g_J' H_L g_J, g_L' H_J g_J and g_J' H_J g_J at the start.
    """
    model, tokenizer = models.load(
        start, replace(model_of(spec), attention="sdpa"), dtype=spec.of.dtype
    )
    surface = Surface(model, Objective.of(spec.of, model, tokenizer))
    others = [
        Surface(model, Objective.of(replace(spec.of, seed=spec.of.seed + more), model, tokenizer))
        for more in OTHER_DRAWS
    ]
    path = _path(surface, start)
    with twice_differentiable():
        arrays = _along(spec, surface, others, path)
    objective = surface.objective
    arrays |= {
        "demonstrated": objective.demonstrated.numpy(),
        "rewards": objective.rewards.numpy(),
        "other_reward": np.array(objective.other_reward),
        "ranks": np.array(spec.ranks),
        "weights": np.array(len(surface.weights)),
    }
    np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    return {"snapshots": [step for step, _ in path], "prompts": len(objective)}


def _along(
    spec: LandscapeSpec, surface: Surface, others: list[Surface], path: list[tuple[int, Tensor]]
) -> dict[str, np.ndarray]:
    """Return the arrays of ``landscape.npz`` that take the model to each snapshot."""
    first, start = path[0]
    moves = None
    if spec.of.objective == "reward":
        moves = Moves(surface, start, [weights - start for _, weights in path], spec.ranks)
    seen: list[dict[str, Any]] = []
    taken_apart: list[dict[str, Any]] = []
    for number, (step, weights) in enumerate(path):
        surface.place(weights)
        logps, gradients = surface.gradients()
        found: dict[str, Any] = {
            "steps": step,
            "answer_logps": logps.numpy(),
            "products": (gradients @ gradients.T).numpy(),
            "smoothness": np.nan,
        }
        if step in spec.smoothness_at:
            product = surface.hessian_product("loss")
            found["smoothness"] = spectra.largest_eigenvalue(product, len(weights))
        if step in spec.spectra_at:
            known = moves.spectrum if moves and step == first else None
            here = known or spectra.Spectrum.of(surface.fisher_factor(), max(spec.ranks))
            taken_apart.append(
                {"spectrum_steps": step, **_inside(here, gradients, others, spec.ranks)}
            )
        if moves is not None:
            found |= moves.measured(number)
        seen.append(found)
        tell(Progress(address=address(spec), step=step, total=path[-1][0]))
    arrays = _stacked(seen) | _stacked(taken_apart)
    return arrays | {"bends": moves.bends} if moves is not None else arrays


def _stacked(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _path(surface: Surface, folder: Path) -> list[tuple[int, Tensor]]:
    """Return the steps of a flow's snapshots and the weights there, from the start on."""
    *earlier, last = models.snapshot_steps(folder)
    at_last = (last, surface.weights)  # as it was loaded the model is the last snapshot
    path = []
    for step in earlier:
        models.load_snapshot(surface.model, folder, step)
        path.append((step, surface.weights))
    return [*path, at_last]


def _inside(
    spectrum: spectra.Spectrum, gradients: Tensor, others: list[Surface], ranks: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Return a spectrum, products of gradients within its leading spaces, and of other draws'."""
    parts = gradients @ spectrum.basis.T
    elsewhere = [other.gradients(("loss", "reward"))[1] for other in others]
    by_kind = torch.stack(elsewhere, dim=1).flatten(0, 1)  # g_L of both draws, then g_J
    return {
        "eigenvalues": spectrum.eigenvalues.numpy(),
        "inside": np.stack([(parts[:, :k] @ parts[:, :k].T).numpy() for k in ranks]),
        "elsewhere": (by_kind @ by_kind.T).numpy(),
    }


class Moves:
    """Moves of the weights from a flow's start, measured by gradient and curvature there."""

    def __init__(
        self, surface: Surface, start: Tensor, moves: list[Tensor], ranks: tuple[int, ...]
    ):
        """Take gradients and curvatures at the start, those along each of the moves among them."""
        self.surface, self.start, self.moves, self.ranks = surface, start, moves, ranks
        surface.place(start)
        self.loss_gradient, along = surface.gradients(("loss", "reward"))[1]
        of_loss, of_reward = surface.hessian_product("loss"), surface.hessian_product("reward")
        bent = of_reward(along)
        self.bends = np.array([along @ of_loss(along), self.loss_gradient @ bent, along @ bent])
        self.at_start = [float(move @ of_loss(move)) for move in moves]
        self.spectrum = spectra.Spectrum.of(surface.fisher_factor(), max(ranks))

    def measured(self, number: int) -> dict[str, Any]:
        """Return what is known of a move, at whose end it leaves the model."""
        move = self.moves[number]
        curvature = [self.at_start[number]]
        for share in ALONG[1:]:
            self.surface.place(self.start + share * move)
            curvature.append(float(move @ self.surface.hessian_product("loss")(move)))
        inside = (self.spectrum.basis @ move).square()
        return {
            "distance": float(move.norm()),
            "slope": float(self.loss_gradient @ move),
            "curvature": np.array(curvature),
            "fisher": float((self.spectrum.factor @ move).square().sum()),
            "moved_inside": np.array([float(inside[:k].sum()) for k in self.ranks]),
        }
