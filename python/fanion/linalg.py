"""Linear algebra of the library: the k largest singular triplets, operators, and the polar factor."""

import inspect
from typing import Any

import torch
from torch import Tensor

from fanion import _foreign, _habits
from fanion._gradients import refuse_gradients
from fanion._library import ops
from fanion._operators import LinearOperator, aslinearoperator, low_rank, row_blocks
from fanion._polar_factors import PolarReport, newton_schulz, polar, polar_express_coefficients, polar_with_report
from fanion._svd_report import SvdReport, SvdResult, reports_of

__all__ = [
    "SVD_METHODS",
    "LinearOperator",
    "PolarReport",
    "SvdReport",
    "SvdResult",
    "aslinearoperator",
    "empty_cache",
    "low_rank",
    "newton_schulz",
    "polar",
    "polar_express_coefficients",
    "polar_with_report",
    "row_blocks",
    "topk_svd",
]

SVD_METHODS: tuple[str, ...] = tuple(ops.svd_methods())
"""What `topk_svd` takes as `method`."""


_VECTORS = ("none", "u", "v", "both")


def topk_svd(
    A: Any,
    k: int,
    *,
    method: str = "auto",
    criterion: str = "rank_k",
    tol: float = 1e-2,
    passes: int | None = None,
    warm_start: Tensor | None = None,
    generator: torch.Generator | int | None = None,
    precision: str = "full",
    oversample: int = 4,
    block: int = 0,
    start: str = "auto",
    vectors: str = "both",
    **unknown: Any,
) -> SvdResult:
    """The k largest singular triplets: A ≈ U diag(S) Vᵀ. Returns U, S, V and a report; no gradient flows through.

    `A`: a tensor (m, n), float32, float64, bfloat16 or float16 (products in float32), any strides; or whatever else
    `linalg.aslinearoperator` takes: operators, sparse tensors, NumPy and SciPy matrices. U (m, k), S (k,) descending,
    V (n, k), tensors in any case. A batch (b, m, n) gives U (b, m, k), S (b, k), V (b, n, k) and a list of b reports.
    `method`: "dense", "lanczos", "block_krylov", "subspace", "randomized", "power", or "auto" to choose.
    `criterion`, with ε = `tol`: "residual" ‖Av̂ − σ̂û‖, ‖Aᵀû − σ̂v̂‖ ≤ ε·σ̂₁; "rank_k" ‖ÛŜV̂ᵀ − Aₖ‖_F ≤ ε·‖Aₖ‖_F;
    "lmo_gap" Σσ̂ ≥ (1 − ε)·Σσ; "passes" a fixed number of `passes` (an A·V and an Aᵀ·U each), which caps the others.
    `warm_start`: a guess of V, (n, j), or (b, n, j) for a batch, leading columns first: fixed passes start from it as
    it is. `generator`: source of the random start, or its seed; None is a fixed sequence, so equal input gives an
    equal result, and torch's global generator is never used.
    `precision`: "mixed" runs all passes but the last on a copy of half the size, float16 for float32 on the CPU and
    float32 for float64; what is promised holds for A itself, if need be by going on in full precision. "int8" does the
    same with signed bytes, for fixed passes on large float32 matrices on the CPU, and corrects the copy as it goes.
    "bfloat16", likewise, rounds the vectors as well, fast where the processor multiplies pairs of bfloat16 numbers, and
    takes the last two passes over A, the first of which corrects what was found.
    `oversample`, `block`: extra columns of the power methods and of what a sampled start iterates with; columns a block
    of the Krylov methods, 0 to choose.
    `start`: of the Krylov methods without a guess, "random", or "sampled" for fixed passes: from what an eighth of the
    rows show, better by a pass or two where the spectrum decays, with proved bounds alone. "auto" samples for fixed
    passes.
    `vectors`: "both", "u", "v" or "none": those not asked for come without columns. It takes as long.
    TypeError: an argument of another library, with what to write here. ValueError: a tensor that requires a gradient,
    outside no_grad; k outside 1 … min(m, n), tol outside (0, 1), a wrong warm start, NaN or Inf in A, an unknown name,
    a wrong product of an operator, a `precision` other than "full" for what has no such form. What an operator's
    functions raise comes out unchanged.
    Cost: `fanion/linalg/topk_svd.h`, `batched_svd.h`. Source: KyFan §3.
    """
    _habits.refuse_unknown(unknown, [name for name in inspect.signature(topk_svd).parameters if name != "unknown"])
    if vectors not in _VECTORS:
        raise ValueError(f"vectors = {vectors!r}; choose one of: {', '.join(_VECTORS)}")
    refuse_gradients("topk_svd", A)
    matrix = A if isinstance(A, Tensor) else _foreign.tensor_of(A)
    if matrix is not None:
        _foreign.check_real(matrix)
    options = {
        "method": method,
        "criterion": criterion,
        "tol": tol,
        "passes": passes,
        "precision": precision,
        "oversample": oversample,
        "block": block,
        "start": start,
        "warm_start": None if warm_start is None else warm_start.detach(),
        "generator": _habits.generator_of(generator),
    }
    if matrix is not None and matrix.layout == torch.strided:
        U, S, V, *fields = ops.topk_svd(matrix.detach() if matrix.requires_grad else matrix, k, **options)
    else:
        with torch.no_grad():
            operator = aslinearoperator(A if matrix is None else matrix)
            U, S, V, *fields = ops.topk_svd_operator(operator._handle, k, **options)
    reports = reports_of(*fields)
    if vectors in ("none", "v"):
        U = U[..., :0].clone()
    if vectors in ("none", "u"):
        V = V[..., :0].clone()
    return SvdResult(U, S, V, reports if S.ndim == 2 else reports[0])


def empty_cache() -> int:
    """Gives the buffers that `topk_svd` keeps for its next call on the CPU back to the system; their bytes.

    It keeps those of 4 MiB and more, bases and narrow copies, up to 256 MiB in all; what a tensor still uses stays.
    """
    return int(ops.empty_cache())
