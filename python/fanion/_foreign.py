"""NumPy's and SciPy's matrices in torch's terms. SciPy is looked at only where the caller has imported it."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def tensor_of(A: Any) -> Tensor | None:
    """A NumPy array as a tensor, sharing its memory unless a stride is negative; a SciPy sparse one as CSR.

    None for anything else. ValueError: a sparse matrix that is not 2-D, or neither float32 nor float64.
    """
    if isinstance(A, np.ndarray):
        return _shared(A)
    sparse = sys.modules.get("scipy.sparse")
    if sparse is None or not sparse.issparse(A):
        return None
    if A.ndim != 2:
        raise ValueError(f"a matrix needs 2 dimensions, got {A.ndim}")
    dtype_of(A)
    rows = A.tocsr()
    if not rows.has_canonical_format:  # entries given twice are added, columns sorted
        rows = rows.copy() if rows is A else rows
        rows.sum_duplicates()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Sparse CSR tensor support is in beta"
        )  # the caller did not choose it
        parts = (_shared(rows.indptr), _shared(rows.indices), _shared(rows.data))
        return torch.sparse_csr_tensor(*parts, A.shape, check_invariants=True)


def products_of(A: Any) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] | None:
    """X ↦ A X and X ↦ Aᵀ X of a `scipy.sparse.linalg.LinearOperator`; None for anything else."""
    linalg = sys.modules.get("scipy.sparse.linalg")
    if linalg is None or not isinstance(A, linalg.LinearOperator):
        return None

    def through(product: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
        return lambda X: _shared(np.asarray(product(X.numpy())))

    return through(A.matmat), through(A.rmatmat)


def dtype_of(A: Any) -> torch.dtype:
    """The torch dtype of a SciPy matrix. ValueError unless it is float32 or float64."""
    name = np.dtype(A.dtype).name
    if name not in DTYPES:
        what = _REAL_FORM if np.dtype(A.dtype).kind == "c" else "convert it with astype first"
        raise ValueError(f"a SciPy matrix must be float32 or float64, got {name}; {what}")
    return DTYPES[name]


_REAL_FORM = "of a complex A, the real [[Re A, -Im A], [Im A, Re A]] has each singular value twice"


def check_real(A: Tensor) -> None:
    """ValueError: a complex matrix."""
    if A.is_complex():
        raise ValueError(f"a matrix must be real, got {A.dtype}; {_REAL_FORM}")


def _shared(array: Any) -> Tensor:
    if any(stride < 0 for stride in array.strides):
        array = array.copy()  # torch has no negative strides
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nothing writes to it
        return torch.from_numpy(array)
