"""What `topk_svd` returns: triplets, and a report of what was done and what can be vouched for."""

import sys
from collections.abc import Iterator
from opcode import opmap
from typing import Any, NamedTuple

import torch
from torch import Tensor


class SvdReport(NamedTuple):
    """What `topk_svd` did, and what it can vouch for. σ̂ is what was returned, σ exact."""

    method: str
    """The method that ran."""
    criterion: str
    """What it was asked to stop at."""
    status: str
    """"converged": the criterion's inequality holds; "exhausted": passes or precision ran out; "passes": all spent."""
    products: int
    """Columns multiplied by A or Aᵀ, but for those of a sampled start."""
    reads: int
    """Reads of A, likewise."""
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


class SvdResult(NamedTuple):
    """What `topk_svd` returns, four values: `U, S, V, report = topk_svd(A, k)`."""

    U: Tensor
    """(m, k), or (m, 0) where it was not asked for; (b, m, k) for a batch."""
    S: Tensor
    """(k,) or (b, k), descending."""
    V: Tensor
    """(n, k), or (n, 0); (b, n, k)."""
    report: SvdReport | Any
    """An `SvdReport`, or a list of b for a batch."""

    def __iter__(self) -> Iterator[Any]:
        # "too many values to unpack" would not say which: here three are asked for by name, as SciPy's svds gives them.
        if torch.compiler.is_compiling():  # which has no frames to look at
            return tuple.__iter__(self)
        caller = sys._getframe(1)
        code, at = caller.f_code.co_code, caller.f_lasti
        if code[at] == opmap["UNPACK_SEQUENCE"] and code[at + 1] == 3:
            raise ValueError(
                "topk_svd returns four values: U, S, V, report = topk_svd(A, k), and V, whose transpose is Vᵀ"
            )
        return tuple.__iter__(self)


def reports_of(
    residuals: list[Tensor], upper: list[Tensor], figures: list[float], counts: list[int], words: list[str]
) -> list[SvdReport]:
    """The records of svd_ops.cpp."""
    reports = []
    for i in range(len(residuals)):
        used, asked, status, kind, message = words[5 * i : 5 * i + 5]
        products, reads, restarts = counts[3 * i : 3 * i + 3]
        next_upper, rank_k, lmo_gap, failure, *times = figures[7 * i : 7 * i + 7]
        reports.append(
            SvdReport(
                method=used,
                criterion=asked,
                status=status,
                products=products,
                reads=reads,
                restarts=restarts,
                residuals=residuals[i],
                upper=upper[i],
                next_upper=next_upper,
                rank_k=rank_k,
                lmo_gap=lmo_gap,
                bounds=kind,
                failure_probability=failure,
                seconds={"products": times[0], "basis": times[1], "projected": times[2]},
                message=message,
            )
        )
    return reports
