"""Update directions in the factors they were found in, so that a low-rank one need not be formed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fanion._library import ops


@dataclass(frozen=True, eq=False)
class LowRank:
    """coef · U Vᵀ: U (m, k), V (n, k)."""

    coef: float
    U: Tensor
    V: Tensor


@dataclass(frozen=True, eq=False)
class Scaled:
    """coef · scale · M, with M the matrix itself and `scale` 0-dimensional."""

    coef: float
    M: Tensor
    scale: Tensor


@dataclass(frozen=True, eq=False)
class Dense:
    """coef · D: D (m, n)."""

    coef: float
    D: Tensor


@dataclass(frozen=True, eq=False)
class Residual:
    """coef · N(M − L Vᵀ), with N the map named `map`: "sign", "row_norm", "col_norm", …; without L and V: coef · N(M).

    `scale`: a factor, 0-dimensional; None is 1.
    """

    coef: float
    map: str
    M: Tensor
    L: Tensor | None
    V: Tensor | None
    scale: Tensor | None


Term = LowRank | Scaled | Dense | Residual


@dataclass(frozen=True, eq=False)
class Direction:
    """An m × n update as a short sum of terms."""

    terms: tuple[Term, ...]
    shape: torch.Size
    dtype: torch.dtype
    device: torch.device

    @torch.no_grad()
    def dense(self) -> Tensor:
        """The sum as a tensor, (m, n)."""
        kinds: list[str] = []
        tensors: list[Tensor | None] = []
        for term in self.terms:
            match term:
                case LowRank():
                    kinds.append("low_rank")
                    tensors += [term.U, term.V]
                case Scaled():
                    kinds.append("scaled")
                    tensors += [term.M, term.scale]
                case Dense():
                    kinds.append("dense")
                    tensors.append(term.D)
                case Residual():
                    kinds.append(f"residual:{term.map}")
                    tensors += [term.M, term.L, term.V, term.scale]
        coefs = [term.coef for term in self.terms]
        result: Tensor = ops.dense_direction(kinds, coefs, tensors, self.shape, self.dtype, self.device)
        return result


def direction_from(M: Tensor, kinds: Sequence[str], coefs: Sequence[float], tensors: Sequence[Tensor]) -> Direction:
    """The record of norm_ops.cpp, for the matrix M."""
    rest = iter(tensors)
    terms: list[Term] = []
    for kind, coef in zip(kinds, coefs, strict=True):
        match kind:
            case "low_rank":
                terms.append(LowRank(coef, next(rest), next(rest)))
            case "scaled":
                terms.append(Scaled(coef, next(rest), next(rest)))
            case "dense":
                terms.append(Dense(coef, next(rest)))
            case _:
                name = kind.removeprefix("residual:")
                terms.append(Residual(coef, name, next(rest), next(rest), next(rest), next(rest)))
    dtype = torch.float64 if M.dtype == torch.float64 else torch.float32
    return Direction(tuple(terms), M.shape, dtype, M.device)
