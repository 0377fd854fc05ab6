"""Matrices of tests: with Gaussian entries, with given or decaying singular values, and as operators."""

import torch

from fanion.linalg import LinearOperator


def normal(m, n, seed=1, dtype=torch.float64):
    return torch.randn(m, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def with_spectrum(m, n, sigma, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    r = len(sigma)
    U = torch.linalg.qr(torch.randn(m, r, generator=generator, dtype=torch.float64)).Q
    V = torch.linalg.qr(torch.randn(n, r, generator=generator, dtype=torch.float64)).Q
    return (U * torch.as_tensor(sigma, dtype=torch.float64) @ V.T).to(dtype)


def decaying(m, n, seed=1, dtype=torch.float64):
    """With σᵢ = 0.8^i."""
    U, _, Vh = torch.linalg.svd(normal(m, n, seed), full_matrices=False)
    return (U * 0.8 ** torch.arange(min(m, n)) @ Vh).to(dtype)


def by_functions(A):
    """A as two functions."""
    return LinearOperator(tuple(A.shape), matmat=lambda X: A @ X, rmatmat=lambda X: A.mT @ X, dtype=A.dtype)
