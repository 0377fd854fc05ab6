"""Linear algebra of the library: the k largest singular triplets, and the polar factor by Newton–Schulz."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fanion._library import ops


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
    A: Tensor,
    k: int,
    *,
    method: str = "auto",
    tol: float = 1e-5,
    passes: int = 4,
    oversample: int = 4,
    warm_start: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor, SvdReport]:
    """The k largest singular triplets: A ≈ U diag(S) Vᵀ. Returns U, S, V and a report; no gradient flows through.

    `A`: (m, n), float32, float64, or bfloat16/float16, which are widened to float32. U (m, k), S (k,) descending,
    V (n, k). `method`: "dense" LAPACK; "lanczos" until all residuals are ≤ tol·σ₁; "subspace" `passes` power passes
    with `oversample` extra columns; "auto" dense for small matrices or large k, else lanczos.
    `warm_start`: a guess of V, (n, j). `generator`: source of the random start; None is a fixed sequence, so equal
    input gives an equal result, and torch's global generator is never used.
    ValueError: k outside 1 … min(m, n), tol outside (0, 1), a wrong warm start, NaN or Inf in A, an unknown method.
    Cost: `fanion/linalg/topk_svd.h`. Source: 004 §3.
    """
    U, S, V, residuals, used, status, products, reads, restarts, message = ops.topk_svd(
        A,
        k,
        method=method,
        tol=tol,
        passes=passes,
        oversample=oversample,
        warm_start=warm_start,
        generator=generator,
    )
    return U, S, V, SvdReport(used, status, products, reads, restarts, residuals, message)


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
