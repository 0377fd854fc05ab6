"""The matrices of the benchmark, by name, each with its exact largest triplets.

gaussian:MxN         independent standard Gaussian entries
power-P:MxN          σ_i = i^-P between orthogonal factors, which are products of a few random reflections
geometric-Q:MxN      σ_i = Q^i, likewise
momentum:SHAPE:STEP  of a training, see momenta.py; SHAPE is out, qkv or down
gradient:SHAPE:STEP  the same
"""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from benchmarks.topk_svd import cache
from benchmarks.topk_svd.errors import Triplets

REFLECTIONS = 3  # on each side; every entry of the matrix then depends on every singular vector
LARGEST_K = 100  # of the references that are kept

Array = NDArray[np.floating]


class Matrix:
    """A float32 matrix, in the orders the contestants like, and its exact triplets."""

    def __init__(self, name: str, C: NDArray[np.float32], exact: Triplets | None = None) -> None:
        self.name = name
        self.C = C
        self._exact = exact

    @cached_property
    def column_major(self) -> NDArray[np.float32]:
        """The same in column-major order."""
        return np.asfortranarray(self.C)

    def exact(self, k: int) -> Triplets:
        """The k largest triplets in float64."""
        if self._exact is None or len(self._exact.S) < k:
            self._exact = _kept_reference(self.name, self.C, k)
        return self._exact.first(k)


def load(name: str) -> Matrix:
    """The matrix of a name. ValueError where the name is none."""
    kind, _, rest = name.partition(":")
    if kind in ("momentum", "gradient"):
        from benchmarks.topk_svd import momenta

        shape, _, step = rest.partition(":")
        return Matrix(name, momenta.matrix(kind, shape, int(step)))
    size = re.fullmatch(r"(\d+)x(\d+)", rest)
    if size is None:
        raise ValueError(f"no matrix is called {name!r}; the names are: {__doc__}")
    m, n = int(size[1]), int(size[2])
    random = np.random.default_rng(0)
    if kind == "gaussian":
        return Matrix(name, random.standard_normal((m, n), dtype=np.float32))
    index = np.arange(1, min(m, n) + 1, dtype=np.float64)
    family, _, parameter = kind.partition("-")
    if family == "power":
        return with_spectrum(name, m, n, index ** -float(parameter), random)
    if family == "geometric":
        return with_spectrum(name, m, n, float(parameter) ** index, random)
    raise ValueError(f"no matrix is called {name!r}; the names are: {__doc__}")


def with_spectrum(name: str, m: int, n: int, sigma: Array, random: np.random.Generator) -> Matrix:
    """Q₁ diag(σ) Q₂ᵀ, exact up to float32 rounding; the triplets are columns of Q₁ and Q₂. Cost: O(mn)."""
    left = [_unit(random, m) for _ in range(REFLECTIONS)]
    right = [_unit(random, n) for _ in range(REFLECTIONS)]
    A = np.zeros((m, n), dtype=np.float32)
    np.fill_diagonal(A, sigma)
    for w in left:
        reflect(A, w)
    for w in right:
        reflect(A.T, w)
    k = min(len(sigma), LARGEST_K)
    U, V = np.eye(m, k), np.eye(n, k)
    for w in left:
        reflect(U, w)
    for w in right:
        reflect(V, w)
    return Matrix(name, A, Triplets(U, sigma[:k], V))


def reflect(X: Array, w: NDArray[np.float64]) -> None:
    """X ← (I − 2wwᵀ) X in place, a block of columns at a time."""
    w = w.astype(X.dtype)
    for columns in np.array_split(np.arange(X.shape[1]), max(1, X.size // 10**7)):
        block = X[:, columns[0] : columns[-1] + 1]
        block -= np.outer(2 * w, w @ block)


def reference(A: Array, k: int) -> Triplets:
    """The k largest triplets from the eigenvectors of AᵀA (or AAᵀ if smaller) in float64.

    Squaring costs σ_i an error of eps·(σ₁/σ_i)²: enough for the k largest of flat spectra, which is what it is for.
    """
    if A.shape[0] < A.shape[1]:
        U, S, V = reference(A.T, k)
        return Triplets(V, S, U)
    A = A.astype(np.float64)
    n = A.shape[1]
    _, V = scipy.linalg.eigh(A.T @ A, subset_by_index=[n - k, n - 1])
    V = np.ascontiguousarray(V[:, ::-1])
    B = A @ V
    S = np.linalg.norm(B, axis=0)
    return Triplets(B / S, S, V)


def _unit(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    w: NDArray[np.float64] = random.standard_normal(size)
    w /= np.linalg.norm(w)
    return w


def _kept_reference(name: str, A: Array, k: int) -> Triplets:
    file = cache.path("exact-" + name.replace(":", "-") + ".npz")
    if file.is_file():
        kept = np.load(file)
        if len(kept["S"]) >= k:
            return Triplets(kept["U"], kept["S"], kept["V"])
    # All that is ever asked for of a large matrix at once; of the many of a training only what is asked for.
    found = reference(A, min(*A.shape, max(k, LARGEST_K)) if name.startswith("gaussian") else k)
    # float32 vectors move the errors by 1e-7.
    with file.open("wb") as out:
        np.savez(out, U=found.U.astype(np.float32), S=found.S, V=found.V.astype(np.float32))
    return found
