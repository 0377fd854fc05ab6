"""Linear algebra of the library: the k largest singular triplets, operators, and the polar factor by Newton–Schulz."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fanion import foreign
from fanion._library import ops
from fanion.operators import LinearOperator, aslinearoperator, low_rank, row_blocks

__all__ = [
    "LinearOperator",
    "SvdReport",
    "aslinearoperator",
    "low_rank",
    "newton_schulz",
    "row_blocks",
    "topk_svd",
]


@dataclass(frozen=True)
class SvdReport:
    """What `topk_svd` did."""

    method: str
    """The method that ran: "dense", "lanczos" or "subspace"."""
    status: str
    """"converged": every residual is within tol·σ₁; "exhausted": the restarts ran out; "passes": so many were asked."""
    products: int
    """Columns multiplied by A or Aᵀ."""
    passes: int
    """Reads of A."""
    restarts: int
    residuals: Tensor
    """max(‖Av − σu‖, ‖Aᵀu − σv‖) of every triplet, (k,) float64 on the CPU; (0,) after "subspace"."""
    message: str


@torch.no_grad()
def topk_svd(
    A: Any,
    k: int,
    *,
    method: str = "auto",
    tol: float = 1e-5,
    passes: int = 4,
    oversample: int = 4,
    warm_start: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor, SvdReport | Any]:
    """The k largest singular triplets: A ≈ U diag(S) Vᵀ. Returns U, S, V and a report; no gradient flows through.

    `A`: a tensor (m, n), float32, float64, or bfloat16/float16, which are widened to float32; or whatever else
    `linalg.aslinearoperator` takes: operators, sparse tensors, NumPy and SciPy matrices. U (m, k), S (k,) descending,
    V (n, k), tensors in any case. A batch (b, m, n) gives U (b, m, k), S (b, k), V (b, n, k) and a list of b reports.
    `method`: "dense" LAPACK; "lanczos" until all residuals are ≤ tol·σ₁; "subspace" `passes` power passes
    with `oversample` extra columns; "auto" dense for small matrices or large k, else lanczos.
    `warm_start`: a guess of V, (n, j), or (b, n, j) for a batch. `generator`: source of the random start; None is a
    fixed sequence, so equal input gives an equal result, and torch's global generator is never used.
    ValueError: k outside 1 … min(m, n), tol outside (0, 1), a wrong warm start, NaN or Inf in A, an unknown method,
    a wrong product of an operator. What an operator's functions raise comes out unchanged.
    Cost: `fanion/linalg/topk_svd.h`, `batched_svd.h`. Source: 004 §3.
    """
    matrix = A if isinstance(A, Tensor) else foreign.tensor_of(A)
    options = {
        "method": method,
        "tol": tol,
        "passes": passes,
        "oversample": oversample,
        "warm_start": warm_start,
        "generator": generator,
    }
    if matrix is not None and matrix.layout == torch.strided:
        U, S, V, *fields = ops.topk_svd(matrix, k, **options)
    else:
        operator = aslinearoperator(A if matrix is None else matrix)
        U, S, V, *fields = ops.topk_svd_operator(operator._handle, k, **options)
    reports = [
        SvdReport(used, status, products, reads, restarts, residuals, message)
        for residuals, used, status, products, reads, restarts, message in zip(*fields, strict=True)
    ]
    return U, S, V, reports if S.ndim == 2 else reports[0]


@torch.no_grad()
def newton_schulz(
    M: Tensor,
    *,
    coefficients: Sequence[float] = (3.4445, -4.775, 2.0315),
    steps: int = 5,
    eps: float = 0.0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Approximate polar factor UVᵀ of M = U diag(σ) Vᵀ: X ← aX + b(XXᵀ)X + c(XXᵀ)²X from X = M/max(‖M‖_F, eps).

    `M`: (m, n) or a batch (b, m, n), float; never written to. The result has the products' dtype: `dtype`, or on the
    CPU M's own (float32 for 16-bit ones), or bfloat16 on accelerators. No gradient flows through.
    Error: with the defaults, singular values above 1.6e-3·‖M‖_F come out within 0.68 … 1.21 in exact arithmetic.
    ValueError: other shapes or dtypes, steps < 1, eps < 0, not three coefficients.
    Cost for m ≤ n: 2·steps·(2m²n + m³) flops. Source: Jordan et al. 2024b.
    """
    result: Tensor = ops.newton_schulz(M, coefficients=list(coefficients), steps=steps, eps=eps, dtype=dtype)
    return result
