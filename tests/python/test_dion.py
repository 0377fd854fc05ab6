"""Dion beside its authors' algorithm, written out: Ahn & Xu 2025, Algorithm 1, as microsoft/dion's Dion steps."""

import math

import pytest
import torch

import fanion


class PlainDion:
    """One matrix X, with the momentum M and the factor Q of the shorter side, in X's dtype."""

    def __init__(self, X, Q, lr=0.01, mu=0.95, weight_decay=0.01, power_iters=1, epsilon=1e-8):
        self.X, self.M, self.Q = X.clone(), torch.zeros_like(X), Q.clone()
        self.lr, self.mu, self.weight_decay = lr, mu, weight_decay
        self.power_iters, self.epsilon = power_iters, epsilon

    def step(self, G):
        self.M = self.M + G
        wide = self.X.shape[0] < self.X.shape[1]
        B, R = self.M.mT if wide else self.M, self.Q
        for _ in range(self.power_iters):
            P = torch.linalg.qr(B @ R).Q
            R = B.mT @ P
        captured = P @ R.mT
        self.M = self.M - (1 - self.mu) * (captured.mT if wide else captured)
        self.Q = R / (R.norm(dim=0) + self.epsilon)
        scale = math.sqrt(self.X.shape[0] / self.X.shape[1])
        D = P @ self.Q.mT
        self.X = (1 - self.lr * self.weight_decay) * self.X - scale * self.lr * (D.mT if wide else D)


def gradients(shape, dtype, count):
    """Of a linear model's squares around its minimum, with noise: momenta as a training has them."""
    generator = torch.Generator().manual_seed(5)
    base = torch.randn(shape, generator=generator, dtype=torch.float64)
    for step in range(count):
        yield (base / (1 + step / 5) + torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (16, 16)])
@pytest.mark.parametrize("options", [{"rank_fraction": 0.25}, {"k": 3, "passes": 2}, {"rank_fraction": 1.0}, {"k": 1}])
def test_steps_are_the_authors(dtype, shape, options):
    p = torch.nn.Parameter(torch.randn(shape, dtype=dtype))
    optimizer = fanion.Dion([p], lr=0.02, momentum=0.9, weight_decay=0.1, **options)
    Q = optimizer.state[p]["warm_start"]
    assert Q.shape == (shape[1], options.get("k") or math.ceil(options["rank_fraction"] * min(shape)))
    plain = PlainDion(p.detach(), Q[: min(shape)], 0.02, 0.9, 0.1, options.get("passes", 1))
    # Rounding through 30 steps; Q's columns turn with the gaps of the singular values.
    close = 1e-7 if dtype == torch.float64 else 2e-3
    for G in gradients(shape, dtype, 30):
        plain.step(G)
        p.grad = G
        optimizer.step()
        assert (p - plain.X).norm() <= close * plain.X.norm()
        momentum = optimizer.state[p]["momentum_buffer"]
        assert (momentum - plain.M).norm() <= close * plain.M.norm()


def test_defaults_are_the_authors():
    p = torch.nn.Parameter(torch.randn(12, 30, dtype=torch.float64))
    optimizer = fanion.Dion([p], k=4)
    plain = PlainDion(p.detach(), optimizer.state[p]["warm_start"][:12])
    for G in gradients((12, 30), torch.float64, 100):
        plain.step(G)
        p.grad = G
        optimizer.step()
    assert (p - plain.X).norm() <= 1e-7 * plain.X.norm()


def test_what_it_leaves_out_stays_in_the_momentum():
    p = torch.nn.Parameter(torch.randn(20, 30, dtype=torch.float64))
    optimizer = fanion.Dion([p], k=2, momentum=0.5)
    p.grad = torch.randn(20, 30, dtype=torch.float64)
    optimizer.step()
    B, g = optimizer.state[p]["momentum_buffer"], p.grad
    captured = g - B
    assert torch.linalg.matrix_rank(captured, tol=1e-10) == 2
    P = torch.linalg.svd(captured, full_matrices=False).Vh[:2]  # of the longer side
    assert torch.allclose(captured, 0.5 * (g @ P.mT) @ P, atol=1e-12)


def test_a_zero_gradient_keeps_its_start():
    p = torch.nn.Parameter(torch.ones(5, 7))
    optimizer = fanion.Dion([p], k=2, lr=0.5, weight_decay=0.1)
    before = optimizer.state[p]["warm_start"].clone()
    p.grad = torch.zeros_like(p)
    optimizer.step()
    assert torch.equal(optimizer.state[p]["warm_start"], before)
    assert torch.equal(p.detach(), torch.full((5, 7), 0.95))
