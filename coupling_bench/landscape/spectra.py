"""Curvatures taken apart: the largest eigenvalue of a Hessian, the spectrum of a Fisher matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TOLERANCE = 1e-2
"""Of the largest eigenvalue, relative: Lanczos stops there."""
VECTORS = 8
"""Products with a vector between two looks at how near Lanczos is."""
LOST = 1e-12
"""Eigenvalues below this share of the largest are rounding."""


def largest_eigenvalue(product: Callable[[Tensor], Tensor], size: int) -> float:
    """Return the largest eigenvalue of a symmetric matrix, given by its product with a vector.

    By Lanczos (ARPACK), from a fixed random vector.

    Args:
        product: v -> H v, ``(D,)`` to ``(D,)``, in fp64.
        size: D.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    def multiply(vector: np.ndarray) -> np.ndarray:
        return product(torch.from_numpy(vector.reshape(-1).copy())).numpy()

    start = np.random.default_rng(0).standard_normal(size)
    operator = LinearOperator((size, size), matvec=multiply, dtype=np.float64)
    found = eigsh(
        operator, k=1, which="LA", v0=start, ncv=VECTORS, tol=TOLERANCE, return_eigenvectors=False
    )
    return float(found[0])


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """F = G'G, taken apart."""

    factor: Tensor
    """G, ``(R, D)``."""
    eigenvalues: Tensor
    """All that can differ from 0, falling, ``(R,)``."""
    basis: Tensor
    """Leading eigenvectors as orthonormal rows, ``(K, D)``."""

    @classmethod
    def of(cls, factor: Tensor, most: int) -> Spectrum:
        """Return the spectrum of G'G with its ``most`` leading eigenvectors.

        By the Gram matrix GG', which has the same eigenvalues, and R rows where G'G has D.
        Eigenvectors whose eigenvalue is lost in rounding are left out.
        """
        squares, vectors = torch.linalg.eigh(factor @ factor.T)
        eigenvalues, vectors = squares.flip(0).clamp(min=0), vectors.flip(1)
        known = int((eigenvalues > eigenvalues[0] * LOST).sum())
        chosen = vectors[:, : min(most, known)]
        basis = (chosen.T @ factor) / eigenvalues[: chosen.shape[1], None].sqrt()
        return cls(factor=factor, eigenvalues=eigenvalues, basis=basis)
