"""Linear algebra of the library: the k largest singular triplets, and the polar factor."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fanion._library import ops
from fanion.polar_factors import PolarReport, newton_schulz, polar, polar_express_coefficients, polar_with_report

__all__ = [
    "PolarReport",
    "SvdReport",
    "newton_schulz",
    "polar",
    "polar_express_coefficients",
    "polar_with_report",
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
