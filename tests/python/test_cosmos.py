"""COSMOS beside its authors' algorithm, written out in float64 (Liu et al. 2025, and the form of their code)."""

import math

import pytest
import torch

import fanion


def polar(M):
    """UVᵀ of what is not rounding: outside of an eigenspace M has its rank less, as Newton–Schulz leaves it."""
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    return U @ torch.diag((1e-10 * S[0] < S).to(M.dtype)) @ Vh


def top_pair(M):
    U, _, Vh = torch.linalg.svd(M, full_matrices=False)
    return U[:, :1] @ Vh[:1]


class PlainCosmos:
    """One matrix X; `ratio`·lr is the RMS of a step's entries, as the authors' `lr_ratio` has it."""

    def __init__(self, X, U, part=polar, lr=2e-3, mu=0.95, beta=0.95, gamma=0.2, ratio=0.2, decay=0.1, nesterov=True):
        self.X, self.U, self.part = X.clone(), U.clone(), part
        self.M, self.S = torch.zeros_like(X), torch.zeros(U.shape[1], U.shape[1], dtype=X.dtype)
        self.V, self.t = torch.zeros(X.shape[0], U.shape[1], dtype=X.dtype), 0
        self.lr, self.mu, self.beta, self.gamma = lr, mu, beta, gamma
        self.ratio, self.decay, self.nesterov = ratio, decay, nesterov

    def step(self, G):
        self.t += 1
        mu, beta = self.mu, self.beta
        self.M = mu * self.M + G
        E = beta * self.U @ self.S @ self.U.mT + (1 - beta) * G.mT @ G  # the old U's part of the mean, and the new
        U = torch.linalg.qr(E @ self.U).Q if self.t > 1 else torch.linalg.qr(G.mT @ G @ self.U).Q
        self.S = U.mT @ E @ U
        self.V = beta * self.V + (1 - beta) * (G @ U) ** 2
        self.U = U
        weights = (1 - mu**self.t) / (1 - mu)  # Σ of the weights of M
        M = (G + mu * self.M) / (1 + mu * weights) if self.nesterov else self.M / weights
        root = (self.V / (1 - beta**self.t)).sqrt()
        A = M @ U / (root + 1e-8 * root.max()) @ U.mT  # theirs is absolute
        B = self.part(M - M @ U @ U.mT)
        root = math.sqrt(M.numel())
        step = A + self.gamma * root * B / B.norm()
        self.X = (1 - self.lr * self.decay) * self.X - self.lr * self.ratio * root * step / step.norm()


def gradients(shape, count, seed=5):
    """Momenta as a training has them: a part that stays, and noise."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(shape, generator=generator, dtype=torch.float64)
    for step in range(count):
        yield base / (1 + step / 5) + torch.randn(shape, generator=generator, dtype=torch.float64)


def beside(optimizer, p, plain, steps, to_parameter=lambda X: X, atol=1e-9):
    """Rounding of float64 through `steps`, by gaps of eigenvalues."""
    for G in gradients(plain.X.shape, steps):
        plain.step(G)
        p.grad = to_parameter(G).clone()
        optimizer.step()
    torch.testing.assert_close(p.detach(), to_parameter(plain.X), rtol=0, atol=atol)
    state = optimizer.state[p]
    projector, expected = (U @ U.mT for U in (state["cosmos_basis"], plain.U))
    torch.testing.assert_close(projector, expected, rtol=0, atol=1e-8)
    S = state["cosmos_covariance"] * 4.0 ** state["cosmos_exponent"]
    assert torch.linalg.eigvalsh(S) == pytest.approx(torch.linalg.eigvalsh(plain.S), rel=1e-8)


@pytest.mark.parametrize("shape", [(24, 16), (10, 30)])
def test_a_hundred_steps_are_the_authors(shape):
    """From their start, the leading eigenvectors of the first gradient's gᵀg."""
    p = torch.nn.Parameter(torch.randn(shape, dtype=torch.float64))
    optimizer = fanion.Cosmos([p], cosmos_rank=4, polar="exact")
    first = next(iter(gradients(shape, 1)))
    U = torch.linalg.svd(first).Vh[:4].mT
    optimizer.state[p]["cosmos_basis"].copy_(U)
    beside(optimizer, p, PlainCosmos(p.detach(), U), steps=100)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("kind", ["ema", "sum"])
@pytest.mark.parametrize(
    ("make", "options", "part"),
    [
        (fanion.Muon, {"polar": "exact"}, polar),
        (fanion.Neon, {"svd": "dense"}, top_pair),
        (fanion.Signum, {}, torch.sign),
    ],
)
def test_any_rule_outside_of_the_eigenspace(make, options, part, nesterov, kind):
    X = torch.randn(9, 12, dtype=torch.float64)
    p = torch.nn.Parameter(X.mT.clone())
    own = {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.3, "nesterov": nesterov}
    optimizer = make(
        [p],
        **own,
        **options,
        momentum_kind=kind,
        transposed=True,
        adjust_lr_fn="match_rms_adamw",
        cosmos_rank=3,
        cosmos_gamma=0.7,
        cosmos_beta=0.6,
    )
    U = optimizer.state[p]["cosmos_basis"]
    assert U.shape == (12, 3)
    plain = PlainCosmos(X, U, part, lr=0.1, mu=0.8, beta=0.6, gamma=0.7, decay=0.3, nesterov=nesterov)
    beside(optimizer, p, plain, steps=12, to_parameter=lambda X: X.mT)


@pytest.mark.parametrize("make", [fanion.Muon, fanion.Neon])
def test_its_step_is_as_long_as_the_rules(make, parameters):
    for p in (*parameters((12, 20)), *parameters((8, 3, 2, 2))):
        start = p.detach().clone()
        optimizer = make([p], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw", cosmos_rank=4)
        optimizer.step()
        assert (p - start).square().mean().sqrt().item() == pytest.approx(0.02, rel=1e-5)


def test_the_basis_finds_the_leading_eigenspace():
    """From its Gaussian start, where gradients have one."""
    p = torch.nn.Parameter(torch.zeros(40, 30))
    optimizer = fanion.Cosmos([p], cosmos_rank=3)
    leading = torch.linalg.qr(torch.randn(30, 3)).Q
    for _ in range(10):
        p.grad = torch.randn(40, 3) @ leading.mT + 0.1 * torch.randn(40, 30)
        optimizer.step()
    cosines = torch.linalg.svdvals(leading.mT @ optimizer.state[p]["cosmos_basis"])
    assert cosines.min() > 0.99


def test_a_zero_gradient_and_a_huge_one():
    p = torch.nn.Parameter(torch.randn(6, 9))
    start = p.detach().clone()
    optimizer = fanion.Cosmos([p], cosmos_rank=2, weight_decay=0.0)
    basis = optimizer.state[p]["cosmos_basis"].clone()
    p.grad = torch.zeros(6, 9)
    optimizer.step()
    assert torch.equal(p, start)
    assert torch.equal(optimizer.state[p]["cosmos_basis"], basis)
    p.grad = 1e37 * torch.randn(6, 9)
    optimizer.step()
    assert (p - start).norm() > 0
    assert all(x.isfinite().all() for x in (p, *optimizer.state[p].values()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cosmos_rank": 7}, r"cosmos_rank = 7 must be at most min\(m, n\) = 6 of a 6 x 8 matrix"),
        ({"cosmos_rank": 2.5}, "cosmos_rank = 2.5 must be a whole number"),
        ({"cosmos_rank": 2, "cosmos_gamma": -1}, "cosmos_gamma = -1 must be finite and not negative"),
        ({"cosmos_rank": 2, "cosmos_beta": 1}, r"cosmos_beta = 1 must lie in \[0, 1\)"),
        ({"cosmos_rank": 4, "num_heads": 2}, r"cosmos_rank = 4 must be at most min\(m, n\) = 3 of a 3 x 8 matrix"),
        ({"cosmos_rank": 2, "error_feedback": True}, "error_feedback and cosmos_rank = 2 exclude each other"),
    ],
)
def test_bad_input(options, message, parameters):
    with pytest.raises(ValueError, match=message):
        fanion.Neon(parameters((6, 8)), **options)
