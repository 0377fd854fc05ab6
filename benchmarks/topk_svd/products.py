"""A matrix as its contestants like it best: which product A·X, Aᵀ·Y is fastest is measured here, beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from benchmarks.topk_svd.matrices import Matrix

Array = NDArray[np.float32]
Product = Callable[[Array], Array]
Operands = Mapping[str, Array]
REST = 0.1  # seconds; as between the rounds
REPEATS = 5
FEW, MANY = 8, 64  # columns of the products that decide


class Inputs:
    """A matrix in both orders, as numpy array and as tensor, and as an operator of the fastest products.

    One library multiplies everywhere: two would have two pools of threads, each waiting for the other's to sleep.
    """

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.shape = (int(matrix.C.shape[0]), int(matrix.C.shape[1]))
        self.tensor = torch.from_numpy(matrix.C)
        self.column_major = torch.from_numpy(matrix.column_major)
        operands = self._operands()
        measured = {library: self._measure(library, operands) for library in ("numpy", "torch")}
        totals = {library: sum(min(t.values()) for t in measured[library].values()) for library in measured}
        library = min(totals, key=totals.__getitem__)
        orders = {product: min(t, key=t.__getitem__) for product, t in measured[library].items()}
        self.fastest = {product: f"{library} {order}" for product, order in orders.items()}
        self.operator = LinearOperator(
            self.shape,
            dtype=np.dtype(np.float32),
            matvec=self._product(library, orders["A·x"], transposed=False),
            rmatvec=self._product(library, orders["Aᵀ·y"], transposed=True),
            matmat=self._product(library, orders[f"A·X {FEW}"], transposed=False),
            rmatmat=self._product(library, orders[f"Aᵀ·Y {FEW}"], transposed=True),
        )
        self._numpy_order: dict[int, str] = {}
        for columns in (FEW, MANY):
            forward, backward = (measured["numpy"][f"{product} {columns}"] for product in ("A·X", "Aᵀ·Y"))
            self._numpy_order[columns] = "C" if forward["C"] + backward["C"] <= forward["F"] + backward["F"] else "F"

    def numpy_array(self, columns: int) -> Array:
        """For who multiplies with numpy: the order that is faster with about so many columns."""
        order = self._numpy_order[FEW if columns <= (FEW * MANY) ** 0.5 else MANY]
        return self.matrix.C if order == "C" else self.matrix.column_major

    def _operands(self) -> dict[str, Array]:
        random = np.random.default_rng(0)
        m, n = self.shape
        made = {"A·x": random.standard_normal(n, dtype=np.float32), "Aᵀ·y": random.standard_normal(m, dtype=np.float32)}
        for columns in (FEW, MANY):
            made[f"A·X {columns}"] = random.standard_normal((n, columns), dtype=np.float32)
            made[f"Aᵀ·Y {columns}"] = random.standard_normal((m, columns), dtype=np.float32)
        return made

    def _measure(self, library: str, operands: Operands) -> dict[str, dict[str, float]]:
        """Seconds by product and order."""
        time.sleep(REST)
        return {
            name: {order: _seconds(self._product(library, order, transposed="ᵀ" in name), X) for order in "CF"}
            for name, X in operands.items()
        }

    def _product(self, library: str, order: str, *, transposed: bool) -> Product:
        A = self.matrix.C if order == "C" else self.matrix.column_major
        A = A.T if transposed else A
        if library == "numpy":
            return lambda X: A @ X
        T = torch.from_numpy(A)
        return lambda X: (T @ torch.from_numpy(X)).numpy()


def _seconds(product: Product, X: Array) -> float:
    product(X)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        product(X)
        times.append(time.perf_counter() - start)
    return min(times)
