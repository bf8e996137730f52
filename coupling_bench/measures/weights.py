"""How far the weights of two checkpoints lie apart: numpy alone, no model is loaded."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from coupling_bench.runs import Array, Runs

WEIGHTS = "*.safetensors"
"""An entry's own weights, in one file or several: of a whole model, or of adapters."""


def cosine(base: Runs, first: Runs, second: Runs) -> Array:
    """Cosine of the angle between two moves of all weights, from base to first to second, ``(S,)``.

    By the law of cosines from the three distances, in fp64; 0 where one of them is no move.
    """
    one, other, both = distance(first, base), distance(second, first), distance(second, base)
    lengths = one * other
    dots = (both**2 - one**2 - other**2) / 2.0
    return np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0.0)


def distance(runs: Runs, other: Runs) -> Array:
    """||theta - theta'|| of the final checkpoints, over all trained weights, ``(S,)``.

    The Euclidean norm, in the weights' own unit, added up in fp64; 0 where they are the same to the
    bit. Adapters are compared as they are stored, factor by factor.

    Raises:
        ValueError: the checkpoints have other weights, as adapters and a whole model do.
    """
    pairs = zip(runs.stages, other.stages, strict=True)
    folders = [(runs.store.get(a).folder, other.store.get(b).folder) for a, b in pairs]
    return np.array([_distance(first, second) for first, second in folders])


def _distance(first: Path, second: Path) -> float:
    ours, theirs = _weights(first), _weights(second)
    shapes = [{name: array.shape for name, array in side.items()} for side in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"distance: {first.name} and {second.name} do not have the same weights. Compare whole "
            "models with each other, and adapters with adapters of the same rank."
        )
    squares = (float(np.square(ours[name] - theirs[name], dtype=float).sum()) for name in ours)
    return math.sqrt(math.fsum(squares))


def _weights(folder: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    found: dict[str, Array] = {}
    for file in sorted(folder.glob(WEIGHTS)):
        try:
            found |= load_file(file)
        except (SafetensorError, TypeError, KeyError):  # numpy has no bfloat16
            from safetensors.torch import load_file as load_tensors

            found |= {name: one.float().numpy() for name, one in load_tensors(file).items()}
    return found
