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
    """What `topk_svd` did, and what it can vouch for. σ̂ is what was returned, σ exact."""

    method: str
    """The method that ran."""
    criterion: str
    """What it was asked to stop at."""
    status: str
    """"converged": the criterion's inequality holds; "exhausted": passes or precision ran out; "passes": all spent."""
    products: int
    """Columns multiplied by A or Aᵀ."""
    reads: int
    """Reads of A."""
    restarts: int
    residuals: Tensor
    """max(‖Av̂ − σ̂û‖, ‖Aᵀû − σ̂v̂‖) of every triplet, (k,) float64 on the CPU; (0,) if it was not computed."""
    upper: Tensor
    """Upper bounds of σ₁ … σₖ, (k,) float64 on the CPU, (0,) if there are none. The lower bounds are σ̂."""
    next_upper: float
    """An upper bound of σₖ₊₁."""
    rank_k: float
    """An upper bound of ‖ÛŜV̂ᵀ − Aₖ‖_F / ‖Aₖ‖_F."""
    lmo_gap: float
    """An upper bound of 1 − Σσ̂ / Σσ."""
    bounds: str
    """"proved", "probabilistic" (they fail with `failure_probability` at most) or "none"."""
    failure_probability: float
    seconds: dict[str, float]
    """Wall time by stage: "products", "basis" and "projected"."""
    message: str


@torch.no_grad()
def topk_svd(
    A: Tensor,
    k: int,
    *,
    method: str = "auto",
    criterion: str = "rank_k",
    tol: float = 1e-2,
    passes: int | None = None,
    warm_start: Tensor | None = None,
    generator: torch.Generator | None = None,
    oversample: int = 4,
    block: int = 0,
) -> tuple[Tensor, Tensor, Tensor, SvdReport]:
    """The k largest singular triplets: A ≈ U diag(S) Vᵀ. Returns U, S, V and a report; no gradient flows through.

    `A`: (m, n), float32, float64, bfloat16 or float16 (products in float32), any strides. U (m, k), S (k,) descending,
    V (n, k). `method`: "dense", "lanczos", "block_krylov", "subspace", "randomized", "power", or "auto" to choose.
    `criterion`, with ε = `tol`: "residual" ‖Av̂ − σ̂û‖, ‖Aᵀû − σ̂v̂‖ ≤ ε·σ̂₁; "rank_k" ‖ÛŜV̂ᵀ − Aₖ‖_F ≤ ε·‖Aₖ‖_F;
    "lmo_gap" Σσ̂ ≥ (1 − ε)·Σσ; "passes" a fixed number of `passes` (an A·V and an Aᵀ·U each), which caps the others.
    `warm_start`: a guess of V, (n, j). `generator`: source of the random start; None is a fixed sequence, so equal
    input gives an equal result, and torch's global generator is never used.
    `oversample`, `block`: extra columns of the power methods; columns a block of the Krylov methods, 0 to choose.
    ValueError: k outside 1 … min(m, n), tol outside (0, 1), a wrong warm start, NaN or Inf in A, an unknown name.
    Cost: `fanion/linalg/topk_svd.h`. Source: 004 §3.
    """
    U, S, V, residuals, upper, figures, counts, words = ops.topk_svd(
        A,
        k,
        method=method,
        criterion=criterion,
        tol=tol,
        passes=passes,
        oversample=oversample,
        block=block,
        warm_start=warm_start,
        generator=generator,
    )
    next_upper, rank_k, lmo_gap, failure, *seconds = figures
    used, asked, status, bounds, message = words
    report = SvdReport(
        used,
        asked,
        status,
        *counts,
        residuals=residuals,
        upper=upper,
        next_upper=next_upper,
        rank_k=rank_k,
        lmo_gap=lmo_gap,
        bounds=bounds,
        failure_probability=failure,
        seconds=dict(zip(("products", "basis", "projected"), seconds, strict=True)),
        message=message,
    )
    return U, S, V, report
