"""Muon and Dion of matrices whose rows are split over processes, as one writes them first: a collective a matrix.

Blocks, gradients and states are (rows here, n) tensors, the same number of rows on every process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import distributed as dist


def orthogonalised(M: torch.Tensor) -> torch.Tensor:
    """Five quintic Newton–Schulz steps in bfloat16 (Jordan et al. 2024b)."""
    X = M.bfloat16()
    X = X.T if M.shape[0] > M.shape[1] else X
    X = X / X.norm()
    for _ in range(5):
        gram = X @ X.T
        X = 3.4445 * X + (-4.775 * gram + 2.0315 * gram @ gram) @ X
    found: torch.Tensor = (X.T if M.shape[0] > M.shape[1] else X).float()
    return found


class GatheringMuon:
    """Every process gathers every momentum, finds all of the direction, and keeps its rows of it.

    `orthogonalise`: gives the direction; None: nothing is done but gathering.
    """

    def __init__(
        self,
        blocks: Sequence[torch.Tensor],
        orthogonalise: Callable[[torch.Tensor], torch.Tensor] | None = orthogonalised,
    ) -> None:
        self.blocks = blocks
        self.orthogonalise = orthogonalise
        self.momenta = [torch.zeros_like(W) for W in blocks]
        self.lr, self.mu = 0.01, 0.95

    @torch.no_grad()
    def step(self) -> None:
        """B ← μB + (1−μ)g, W ← W − lr·√max(1, m/n)·UVᵀ of (1−μ)g + μB."""
        for W, B in zip(self.blocks, self.momenta, strict=True):
            assert W.grad is not None
            B.lerp_(W.grad, 1 - self.mu)
            M = W.grad.lerp(B, self.mu)
            parts = [torch.empty_like(M) for _ in range(dist.get_world_size())]
            dist.all_gather(parts, M)
            if self.orthogonalise is None:
                continue
            D = self.orthogonalise(torch.cat(parts))
            m, n = D.shape
            rows = W.shape[0]
            mine = D[dist.get_rank() * rows : (dist.get_rank() + 1) * rows]
            W.add_(mine, alpha=-self.lr * math.sqrt(max(1, m / n)))


class PlainDion:
    """Algorithm 1 of Ahn & Xu 2025 with one power step, of the transpose where m < n.

    `starts`: Q₀ (n, k), or for m < n this process's rows of (m, k).
    """

    def __init__(self, blocks: Sequence[torch.Tensor], starts: Sequence[torch.Tensor]) -> None:
        self.blocks = blocks
        self.momenta = [torch.zeros_like(W) for W in blocks]
        self.starts = [Q.clone() for Q in starts]
        self.lr, self.mu = 0.01, 0.95

    @torch.no_grad()
    def step(self) -> None:
        """B ← B + g, P = orth(BQ), R = BᵀP, B ← B − (1−μ)PRᵀ, Q = R with unit columns, W ← W − lr·√(m/n)·PQᵀ."""
        for W, B, Q in zip(self.blocks, self.momenta, self.starts, strict=True):
            assert W.grad is not None
            B.add_(W.grad)
            m, n = W.shape[0] * dist.get_world_size(), W.shape[1]
            scale = -self.lr * math.sqrt(m / n)
            if m >= n:
                P = orthonormal_rows_split(B @ Q)
                R = summed(B.T @ P)
                B.addmm_(P, R.T, alpha=self.mu - 1)
                Q.copy_(R / R.norm(dim=0))
                W.addmm_(P, Q.T, alpha=scale)
            else:
                P = torch.linalg.qr(summed(B.T @ Q)).Q
                R = B @ P
                B.addmm_(R, P.T, alpha=self.mu - 1)
                Q.copy_(R / summed(R.square().sum(dim=0)).sqrt())
                W.addmm_(Q, P.T, alpha=scale)


def summed(x: torch.Tensor) -> torch.Tensor:
    """Over the processes."""
    x = x.contiguous()
    dist.all_reduce(x)
    return x


def orthonormal_rows_split(P: torch.Tensor) -> torch.Tensor:
    """An orthonormal basis of the columns of a matrix that each process has some rows of: Cholesky QR in float64."""
    wide = P.double()
    upper = torch.linalg.cholesky(summed(wide.T @ wide)).T
    found: torch.Tensor = torch.linalg.solve_triangular(upper, wide, upper=True, left=False).float()
    return found
