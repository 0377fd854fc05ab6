"""Matrices seen only through their products: given by functions, and composed of others.

>>> A = fanion.linalg.LinearOperator((m, n), matmat=lambda X: ..., rmatmat=lambda X: ...)
>>> U, S, V, report = fanion.topk_svd(A - fanion.linalg.low_rank(U0, S0, V0), k)

The names are those of `scipy.sparse.linalg.LinearOperator`. Products are made in C++, without forming a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fanion import _callbacks, _foreign
from fanion._gradients import refuse_gradients, without_gradients
from fanion._library import ops

Product = Callable[[Tensor], Tensor]


class LinearOperator:
    """A real m × n matrix given by two functions: `matmat`, X ↦ A X of (n, b) → (m, b), and `rmatmat`, X ↦ Aᵀ X.

    Both take and return tensors of `dtype` (float32 or float64) on `device`; they must leave X as it is, and run with
    `torch.autocast` off, whatever it is outside. What they return is copied at once: it may be X, a view of it, or a
    buffer that they use again.
    `A + B`, `A - B`, `2 * A`, `A @ B` and `A.T` are operators again; everything that `aslinearoperator` takes may stand
    for one of the two. As in SciPy, `A @ X` and `X @ A` are tensors where X is a dense tensor or array.
    ValueError, from a product: a wrong shape, dtype or device, NaN or Inf, saying which product, what it gave and what
    is allowed; TypeError: not a tensor. What a function raises comes out unchanged.
    """

    __array_ufunc__ = None  # NumPy leaves `array @ A` and `number * A` to this class
    shape: tuple[int, int]
    dtype: torch.dtype
    device: torch.device

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        matmat: Product,
        rmatmat: Product,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        for name, product in (("matmat", matmat), ("rmatmat", rmatmat)):
            if not callable(product):
                raise TypeError(f"{name} must be callable, got {type(product).__name__}")
        if len(shape) != 2:
            raise ValueError(f"shape must be (rows, columns), got {tuple(shape)}")
        self._functions = (matmat, rmatmat)
        self._hold(ops.function_operator(_callbacks.key_of(self), *shape, dtype, torch.device(device)))

    def _call(self, X: Tensor, adjoint: bool) -> Tensor:
        """What the functions give, for C++; only the type is checked here."""
        Y = self._functions[adjoint](X)
        if not isinstance(Y, Tensor):
            side = "Aᵀ U" if adjoint else "A V"
            raise TypeError(f"the product {side} must be a torch.Tensor, got {type(Y).__name__}")
        return Y

    def _hold(self, handle: Any, *parts: LinearOperator) -> None:
        """Takes the C++ operator `handle`; `parts` live as long as it does, since it may call their functions."""
        self._handle, self._parts = handle, parts
        like = ops.operator_prototype(handle)
        self.shape, self.dtype, self.device = tuple(like.shape), like.dtype, like.device

    @without_gradients
    def matmat(self, X: Tensor) -> Tensor:
        """A X: (n, b) → (m, b)."""
        result: Tensor = ops.operator_apply(self._handle, X)
        return result

    @without_gradients
    def rmatmat(self, X: Tensor) -> Tensor:
        """Aᵀ X: (m, b) → (n, b)."""
        result: Tensor = ops.operator_apply_adjoint(self._handle, X)
        return result

    @torch.no_grad()
    def to_dense(self) -> Tensor:
        """The matrix itself, (m, n); an operator given by functions takes min(m, n) products."""
        result: Tensor = ops.operator_to_dense(self._handle)
        return result

    @property
    def T(self) -> LinearOperator:  # noqa: N802
        """Aᵀ."""
        return _composed(ops.adjoint_operator(self._handle), self)

    def __add__(self, other: Any) -> LinearOperator:
        return _sum(self, other, 1.0)

    def __sub__(self, other: Any) -> LinearOperator:
        return _sum(self, other, -1.0)

    def __radd__(self, other: Any) -> LinearOperator:
        return _sum(other, self, 1.0)

    def __rsub__(self, other: Any) -> LinearOperator:
        return _sum(other, self, -1.0)

    def __neg__(self) -> LinearOperator:
        return -1 * self

    def __mul__(self, weight: float) -> LinearOperator:
        if isinstance(weight, LinearOperator) or getattr(weight, "ndim", False):
            return NotImplemented
        return _composed(ops.sum_operator([self._handle], [float(weight)]), self)

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        block = _block_of(other)
        if block is not None:
            return self.matmat(block) if block.ndim != 1 else self.matmat(block[:, None])[:, 0]
        other = aslinearoperator(other)
        return _composed(ops.product_operator(self._handle, other._handle), self, other)

    def __rmatmul__(self, other: Any) -> Any:
        block = _block_of(other)
        if block is not None:
            return self.rmatmat(block.mT).mT if block.ndim != 1 else self.rmatmat(block[:, None])[:, 0]
        return aslinearoperator(other) @ self

    def __repr__(self) -> str:
        return f"<{self.shape[0]} x {self.shape[1]} LinearOperator, {self.dtype} on {self.device}>"


def aslinearoperator(A: Any) -> LinearOperator:
    """`A` as an operator.

    `A`: an operator, a tensor (m, n), dense or sparse (COO, CSR, CSC), a NumPy array, or a SciPy sparse matrix, sparse
    array or LinearOperator. float32 and float64 stay, 16-bit entries are widened to float32; sparse ones are copied.
    ValueError: another shape, dtype or layout, NaN or Inf; a tensor that requires a gradient, outside no_grad.
    TypeError: anything else.
    """
    if isinstance(A, LinearOperator):
        return A
    refuse_gradients("aslinearoperator", A)
    products = _foreign.products_of(A)
    if products is not None:
        return LinearOperator(tuple(A.shape), matmat=products[0], rmatmat=products[1], dtype=_foreign.dtype_of(A))
    tensor = A if isinstance(A, Tensor) else _foreign.tensor_of(A)
    if tensor is None:
        raise TypeError(
            f"a matrix is a tensor, a NumPy array, a SciPy sparse matrix or a LinearOperator, got {type(A).__name__}"
        )
    _foreign.check_real(tensor)
    dense = tensor.layout == torch.strided
    return _composed(ops.dense_operator(tensor) if dense else ops.sparse_operator(tensor))


def low_rank(U: Tensor, s: Tensor, V: Tensor) -> LinearOperator:
    """U diag(s) Vᵀ: U (m, r), s (r,) of either sign, V (n, r), float32 or float64; nothing need be orthonormal.

    ValueError: shapes, dtypes or devices that do not fit, NaN or Inf; a tensor that requires a gradient.
    """
    refuse_gradients("low_rank", U, s, V)
    return _composed(ops.low_rank_operator(U, s, V))


def row_blocks(blocks: Sequence[Any]) -> LinearOperator:
    """[A_1; A_2; …], one below the other; each may be whatever `aslinearoperator` takes.

    ValueError: no block, or blocks of different width, dtype or device.
    """
    parts = [aslinearoperator(block) for block in blocks]
    return _composed(ops.row_blocks_operator([part._handle for part in parts]), *parts)


def _block_of(X: Any) -> Tensor | None:
    """`X` as a tensor of vectors where it is dense: not an operator."""
    if isinstance(X, Tensor):
        return X if X.layout == torch.strided else None
    return _foreign.tensor_of(X) if isinstance(X, np.ndarray) else None


def _composed(handle: Any, *parts: LinearOperator) -> LinearOperator:
    operator = object.__new__(LinearOperator)
    operator._hold(handle, *parts)
    return operator


def _sum(A: Any, B: Any, sign: float) -> LinearOperator:
    A, B = aslinearoperator(A), aslinearoperator(B)
    return _composed(ops.sum_operator([A._handle, B._handle], [1.0, sign]), A, B)
