"""What torch.compile and FakeTensorMode must know of the ops that give tensors alone: shapes, dtypes and strides.

Ops that give text or counts have none: a graph breaks there (define_op.h).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import fanion._library  # noqa: F401  (defines the ops)


def _norm_dtype(M: Tensor) -> torch.dtype:
    return torch.float64 if M.dtype == torch.float64 else torch.float32


def newton_schulz(M: Tensor, *, dtype: torch.dtype | None, form: str, **_: Any) -> Tensor:
    """Contiguous, or the transpose of such where M is tall."""
    if dtype is None and M.device.type == "cpu":
        dtype = _norm_dtype(M)
    elif dtype is None:
        dtype = torch.float16 if form == "gram" else torch.bfloat16
    tall = M.shape[-2] > M.shape[-1]
    return M.new_empty(M.mT.shape, dtype=dtype).mT if tall else M.new_empty(M.shape, dtype=dtype)


def number_of_each(M: Tensor, *_: Any) -> Tensor:
    return M.new_empty(M.shape[:-2], dtype=_norm_dtype(M))


def matrix_of_each(M: Tensor, *_: Any, **__: Any) -> Tensor:
    return M.new_empty(M.shape, dtype=_norm_dtype(M))


def dense_direction(
    kinds: Any, coefs: Any, tensors: Any, shape: list[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=device)


_FAKES: dict[str, Callable[..., Tensor]] = {
    "newton_schulz": newton_schulz,
    "polar_factor": matrix_of_each,
    "norm_value": number_of_each,
    "norm_dual": number_of_each,
    "norm_lmo": matrix_of_each,
    "norm_prox": matrix_of_each,
    "norm_project": matrix_of_each,
    "dense_direction": dense_direction,
}

for _name, _fake in _FAKES.items():
    torch.library.register_fake(f"fanion::{_name}", _fake)
