"""What of a weight matrix is put back to an earlier moment: its singular vectors, values, or all.

W is the matrix at the end, P the same one at the earlier moment. As singular values hardly change,
putting the vectors back is nearly putting back the matrix; the others of these tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coupling_bench.theory.policies import Array
from coupling_bench.theory.subspaces import Singular, random_change


def edited(end: Array, moment: Array, part: str, share: float, draw: np.random.Generator) -> Array:
    """Return W with a part of it as at the earlier moment, in fp64, ``(M, N)``.

    Args:
        end: W.
        moment: P.
        part: one of ``PARTS``.
        share: of the singular directions, the leading ones, rounded; at least one.
        draw: for what is random.
    """
    return PARTS[part](np.asarray(end, float), np.asarray(moment, float), share, draw)


def vectors(end: Array, moment: Array, share: float, draw: object = None) -> Array:
    """U_P diag(sigma_W) V_P^T: pairs of singular vectors by their order, values of the end.

    With a share below 1 the other pairs are the end's; the columns are then not orthonormal.
    """
    ours, theirs = Singular.of(end), Singular.of(moment)
    k = _many(ours, share)
    left = np.concatenate([theirs.left[:, :k], ours.left[:, k:]], axis=1)
    right = np.concatenate([theirs.right[:, :k], ours.right[:, k:]], axis=1)
    return (left * ours.values) @ right.T


def values(end: Array, moment: Array, share: float, draw: object = None) -> Array:
    """U_W diag(sigma_P) V_W^T: the leading singular values put back, no vector."""
    ours, theirs = Singular.of(end), Singular.of(moment)
    k = _many(ours, share)
    mixed = np.concatenate([theirs.values[:k], ours.values[k:]])
    return (ours.left * mixed) @ ours.right.T


def whole(end: Array, moment: Array, share: float, draw: object = None) -> Array:
    """P itself, whatever the share: the matrix put back."""
    return moment


def entries(end: Array, moment: Array, share: float, draw: np.random.Generator) -> Array:
    """Single weights put back, in random order, until W moved as far as by ``vectors``.

    The last one in part. Where ``vectors`` moves it further than to P, all are.
    """
    back = moment - end
    squares = np.sum((vectors(end, moment, share) - end) ** 2)
    order = draw.permutation(back.size)
    steps = back.ravel()[order]
    left = squares - np.concatenate([[0.0], np.cumsum(steps**2)[:-1]])
    taken = np.clip(left, 0.0, steps**2)
    found = end.copy()
    found.ravel()[order] += np.sign(steps) * np.sqrt(taken)
    return found


def direction(end: Array, moment: Array, share: float, draw: np.random.Generator) -> Array:
    """W moved as far as by ``vectors``, in a random direction."""
    return end + random_change(vectors(end, moment, share) - end, draw)


PARTS: dict[str, Callable[[Array, Array, float, np.random.Generator], Array]] = {
    "vectors": vectors,
    "values": values,
    "whole": whole,
    "entries": entries,
    "direction": direction,
}


def _many(of: Singular, share: float) -> int:
    return max(round(share * len(of.values)), 1)
