"""The measured errors of a rank-k result against the exact triplets, in float64 and without m × n matrices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Triplets(NamedTuple):
    """A ≈ U diag(S) Vᵀ; U (m, k), S (k,) descending, V (n, k)."""

    U: NDArray[np.floating]
    S: NDArray[np.floating]
    V: NDArray[np.floating]

    def first(self, k: int) -> Triplets:
        """The k largest."""
        return Triplets(self.U[:, :k], self.S[:k], self.V[:, :k])

    def in_double(self) -> Triplets:
        """The same in float64."""
        return Triplets(*(np.asarray(x, dtype=np.float64) for x in self))


def rank_k_error(found: Triplets, exact: Triplets) -> float:
    """‖Û Ŝ V̂ᵀ − A_k‖_F / ‖A_k‖_F, A_k = U S Vᵀ the exact truncation.

    The difference is L Rᵀ with L = [Û Ŝ, −U S] and R = [V̂, V], and its squared norm ⟨LᵀL, RᵀR⟩. The subtraction
    inside loses all below √eps = 1e-8 in float64, far under the errors measured here.
    """
    f, e = found.in_double(), exact.in_double()
    L = np.hstack([f.U * f.S, -e.U * e.S])
    R = np.hstack([f.V, e.V])
    squared = float(np.sum((L.T @ L) * (R.T @ R)))
    return float(np.sqrt(max(squared, 0.0)) / np.linalg.norm(e.S))


def lmo_gap(A: NDArray[np.floating], found: Triplets, exact: Triplets) -> float:
    """1 − ⟨A, Û V̂ᵀ⟩ / Σ_{i≤k} σ_i.

    Û V̂ᵀ is divided by ‖Û‖₂ ‖V̂‖₂ where that exceeds 1: what is outside the unit ball gains nothing by it.
    """
    f = found.in_double()
    # A V̂ in A's own precision: its rounding, 1e-7 relative, is far under the gaps measured here.
    inner = float(np.sum(f.U * (A @ np.asarray(found.V, dtype=A.dtype)), dtype=np.float64))
    outside = max(1.0, float(np.linalg.norm(f.U, 2)) * float(np.linalg.norm(f.V, 2)))
    return 1.0 - inner / outside / float(np.sum(exact.S, dtype=np.float64))


def orthonormality_error(found: Triplets) -> float:
    """The larger of ‖ÛᵀÛ − I‖₂ and ‖V̂ᵀV̂ − I‖₂."""
    f = found.in_double()
    return max(float(np.linalg.norm(X.T @ X - np.eye(X.shape[1]), 2)) for X in (f.U, f.V))
