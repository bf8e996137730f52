"""Singular values and subspaces of a weight matrix before and after a change, in fp64.

Close singular values make single singular vectors meaningless, so leading subspaces are compared,
by the sines of their principal angles: an arccos near 1 loses half of the digits. Two subspaces of
more than half of all dimensions share some whatever happens, so k is a quarter at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coupling_bench.theory.policies import Array

UNCHANGED = 1e-3
"""A weight that moved by less than this share of itself is taken not to have moved: the probe of
arXiv:2511.08567 (from memory), about half of what bfloat16 tells apart (2^-9)."""


@dataclass(frozen=True, kw_only=True)
class Singular:
    """W = U diag(sigma) V^T, thin: R = min(M, N)."""

    left: Array
    """U, ``(M, R)``."""
    values: Array
    """sigma, falling, ``(R,)``."""
    right: Array
    """V, ``(N, R)``."""

    @classmethod
    def of(cls, matrix: Array) -> Singular:
        """Return the singular value decomposition of ``(M, N)``, computed in fp64."""
        left, values, right = np.linalg.svd(np.asarray(matrix, float), full_matrices=False)
        return cls(left=left, values=values, right=right.T)


def leading(shape: tuple[int, ...]) -> int:
    """Return how many singular directions count as leading: a quarter of the smaller side."""
    return max(min(shape) // 4, 1)


def value_change(before: Singular, after: Singular) -> float:
    """Return ||sigma' - sigma|| / ||sigma||, without unit: 0 where all singular values stayed.

    The "normalized spectral shift" of arXiv:2511.08567. By Mirsky's inequality at most
    ||W' - W||_F / ||W||_F.
    """
    moved = np.linalg.norm(after.values - before.values)
    return float(moved / np.linalg.norm(before.values))


def sines(basis: Array, other: Array) -> Array:
    """Return the sines of the principal angles between two subspaces, falling, ``(K,)``.

    The singular values of (I - B B^T) C.

    Args:
        basis: B, orthonormal columns ``(N, K)``.
        other: C, orthonormal columns ``(N, K)``.
    """
    return np.asarray(np.linalg.svd(other - basis @ (basis.T @ other), compute_uv=False))


def leading_sines(before: Singular, after: Singular, k: int) -> Array:
    """Return the sines between the leading k-dimensional subspaces: of U, then of V, ``(2, K)``."""
    return np.stack([
        sines(before.left[:, :k], after.left[:, :k]),
        sines(before.right[:, :k], after.right[:, :k]),
    ])  # fmt: skip


def rotation(before: Singular, after: Singular, k: int) -> float:
    """Return the root mean square sine over k principal angles of U and of V: from 0 to 1."""
    return float(np.sqrt((leading_sines(before, after, k) ** 2).mean()))


def random_rotation(shape: tuple[int, ...], k: int) -> float:
    """Return what ``rotation`` is between independent random subspaces: near 1 where k is small.

    E sin^2 = 1 - k / n for k-dimensional subspaces of R^n, here averaged over U and V.
    """
    return float(np.sqrt(1 - k * np.mean([1 / size for size in shape])))


def wedin_bound(before: Singular, after: Singular, length: float, k: int) -> float:
    """Return Wedin's bound on the largest sine of U's and V's leading k-dimensional subspaces.

    ||W' - W||_2 / gap, where the gap is what lies between the k-th singular value of one of the
    two and the next one of the other; infinite where there is none. It says nothing above 1.
    ``length`` is the change's spectral norm ||W' - W||_2.
    Source: Wedin, "Perturbation bounds in connection with singular value decomposition", 1972.
    """
    last, following = (before.values[k - 1], after.values[k - 1]), (after.values, before.values)
    gap = max(
        float(a - (b[k] if k < len(b) else 0.0)) for a, b in zip(last, following, strict=True)
    )
    return length / gap if gap > 0 else float("inf")


def value_share(before: Singular, change: Array) -> float:
    """Return how much of a change is along u_i v_i^T: ||diag(U^T D V)||^2 / ||D||^2.

    What is there changes singular values and no vector, to first order; the rest turns vectors. A
    random change has 1 / max(M, N) there.
    """
    along = ((before.left.T @ change) * before.right.T).sum(axis=1)
    return float((along**2).sum() / (change**2).sum())


def inside_share(before: Singular, change: Array, k: int) -> float:
    """Return how much of a change is within the leading subspaces: ||U_k^T D V_k||^2 / ||D||^2.

    A random change has k^2 / (M N) there.
    """
    inside = before.left[:, :k].T @ change @ before.right[:, :k]
    return float((inside**2).sum() / (change**2).sum())


def unchanged_share(before: Array, after: Array, relative: float = UNCHANGED) -> float:
    """Return the share of the weights that changed by at most ``relative`` of the larger one."""
    larger = np.maximum(np.abs(before), np.abs(after))
    return float((np.abs(after - before) <= relative * larger).mean())


def principal_overlap(before: Singular, change: Array, k: int, share: float) -> float:
    """Return how many of the weights that changed most are principal ones, from 0 to 1.

    Principal are the largest ones of the leading rank-k part of W; of them, and of those that
    changed most, there are ``share`` of all, which is what chance would have in both. Source: the
    principal weights of arXiv:2511.08567, whose update mask is the weights that changed in bfloat16
    (here the weights are fp32, and nearly all do).
    """
    part = (before.left[:, :k] * before.values[:k]) @ before.right[:, :k].T
    many = max(round(share * change.size), 1)
    principal, moved = (
        np.argsort(-np.abs(one).ravel(), kind="stable")[:many] for one in (part, change)
    )
    return len(np.intersect1d(principal, moved)) / many


def random_change(change: Array, draw: np.random.Generator) -> Array:
    """Return a change in a random direction with the Frobenius norm of ``change``."""
    random = draw.standard_normal(change.shape)
    return random * (np.linalg.norm(change) / np.linalg.norm(random))
