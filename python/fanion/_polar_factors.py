"""Polar factors: approximate by Newton–Schulz, exact by Halley iterations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fanion._gradients import without_gradients
from fanion._library import ops

Triple = tuple[float, float, float]


@without_gradients
def newton_schulz(
    M: Tensor,
    *,
    coefficients: str | Triple | Sequence[Triple] = "quintic",
    steps: int | None = None,
    eps: float = 0.0,
    dtype: torch.dtype | None = None,
    form: str = "direct",
) -> Tensor:
    """Approximate polar factor UVᵀ of M = U diag(σ) Vᵀ: X ← aX + b(XXᵀ)X + c(XXᵀ)²X from X = M/max(‖M‖_F, eps).

    `M`: (m, n) or a batch (b, m, n), float; never written to. The result has the products' dtype: `dtype`, or on the
    CPU M's own (float32 for 16-bit ones), or on accelerators bfloat16 (float16 for `form="gram"`). No gradient flows
    through.
    `coefficients`: (a, b, c), a sequence of such, one per step, or a name: "quintic" (torch's), "you", "polar-express",
    "polar-express-1.02", "polar-express-1.05", "cans", "aol", "deepseek-v4", "cubic5", "cubic", "classic-quintic" or
    "cubic-damped". `steps`: None is a name's own number, one for each of a sequence, 5 for a single triple; with a
    number, a named list is cut to its first `steps`.
    `form`: "direct", or "gram", which multiplies the m × m Gram matrix (m ≤ n) and is faster for n well above m.
    Error: `fanion/linalg/coefficient_sets.h` has the bounds of every name; with the default, singular values above
    1.6e-3·‖M‖_F come out within 0.68 … 1.21 in exact arithmetic. "gram" loses digits of small singular values; see
    `gram_newton_schulz.h`.
    ValueError: other shapes or dtypes, steps < 1, eps < 0, an unknown name, triples that do not match `steps`, "gram"
    in a dtype that would restart it after every step.
    Cost for m ≤ n: 2·steps·(2m²n + m³) flops. Source: Jordan et al. 2024b; each name's is in `coefficient_sets.cpp`.
    """
    if isinstance(coefficients, str):
        if steps is not None and steps < 1:
            raise ValueError(f"steps = {steps} must be at least 1")
        triples: list[float] = []
        name, chosen = coefficients, steps or 0
    else:
        name, (triples, chosen) = "", _triples(coefficients, steps)
    result: Tensor = ops.newton_schulz(M, name=name, triples=triples, steps=chosen, eps=eps, dtype=dtype, form=form)
    return result


def polar_express_coefficients(
    *,
    lower: float = 1e-3,
    steps: int = 8,
    safety: float = 1.0,
    track_safety: bool = False,
    cushion: float = 0.02407327424182761,
) -> list[Triple]:
    """(a, b, c) of every step of Polar Express, the quintic nearest to 1 on what those before it left of [lower, 1].

    `safety`: every step but the last is p(x/safety). `track_safety`: whether the next step's interval is that of the
    divided p (modded-nanogpt) or of p (the paper's list). `cushion`: a step is optimal on [max(lower, cushion·upper),
    upper]. ValueError: lower outside (0, 1], steps outside 1 to 99, safety < 1, cushion outside [0, 1).
    Source: Amsel, Persson, Musco & Gower 2025, Algorithm 1.
    """
    return _grouped(ops.polar_express_coefficients(lower, steps, safety, track_safety, cushion))


@dataclass(frozen=True)
class PolarReport:
    """What `polar_with_report` did."""

    status: str
    """"converged": the isometry error is at rounding; "exhausted": a singular value stayed between 0 and 1."""
    iterations: int
    """Halley steps."""
    qr_iterations: int
    """Those of them that took a QR factorisation instead of a Cholesky one."""
    snaps: int
    """Steps that separated the singular values 0 and 1; 0 at full rank."""
    isometry_error: float
    """‖QQᵀQ − Q‖_F, the largest of a batch."""
    rank: Tensor
    """Singular values that came out as 1: () or (b,), int64 on the CPU."""
    message: str


@without_gradients
def polar(M: Tensor, *, tol: float = 0.0) -> Tensor:
    """The polar factor Q = UVᵀ of M = U diag(σ) Vᵀ to working precision, by QDWH; M = QH with H = QᵀM ≥ 0.

    `M`: (m, n) or a batch (b, m, n), float (16-bit ones are widened to float32); never written to. No gradient flows
    through. `tol`: singular values ≥ tol·‖M‖_F come out as 1, those ≤ tol·‖M‖_F/100 as 0, those between as either; 0
    chooses 1e-13 for float64 and 1e-6 for float32. So a matrix of full rank gives UVᵀ, a rank-deficient one the partial
    isometry with its null space, and zero gives zero.
    Error: ‖QQᵀQ − Q‖_F ≤ 10·eps·min(m, n); ‖M − QH‖_F ≤ 20·eps·√min(m, n)·‖M‖_F.
    ValueError: other shapes or dtypes, no entries, tol outside [eps, 1) but not 0, NaN or Inf in M.
    Cost: 28mn² + 6n³ flops for n ≤ m at full rank in float64. Source: Nakatsukasa, Bai & Gygi 2010.
    """
    result: Tensor = ops.polar_factor(M, tol=tol)
    return result


@without_gradients
def polar_with_report(M: Tensor, *, tol: float = 0.0) -> tuple[Tensor, PolarReport]:
    """`polar` with what it did."""
    Q, rank, status, iterations, qr_iterations, snaps, error, message = ops.polar(M, tol=tol)
    return Q, PolarReport(status, iterations, qr_iterations, snaps, error, rank, message)


def _triples(coefficients: Triple | Sequence[Triple], steps: int | None) -> tuple[list[float], int]:
    """All numbers in a row, and the number of steps."""
    entries: list[Any] = list(coefficients)
    if not any(isinstance(entry, (tuple, list)) for entry in entries):
        entries = [entries]
    numbers: list[float] = []
    for triple in entries:
        if not isinstance(triple, (tuple, list)) or len(triple) != 3:
            raise ValueError(f"coefficients needs (a, b, c) or a sequence of such, got {triple} in {coefficients}")
        numbers += [float(x) for x in triple]
    own = len(entries) if len(entries) > 1 else 5
    return numbers, own if steps is None else steps


def _grouped(numbers: list[float]) -> list[Triple]:
    return [(numbers[i], numbers[i + 1], numbers[i + 2]) for i in range(0, len(numbers), 3)]
