"""Classes of the papers' rules beside their formulas, in float64, through several steps of the whole optimizer."""

import math

import pytest
import torch
from torch import nn

import fanion

SHAPES = [(7, 5), (5, 7), (6, 6)]


def svd(M):
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    return U, S, Vh


def top(M, k):
    U, _, Vh = svd(M)
    return U[:, :k] @ Vh[:k]


def polar(M):
    return top(M, min(M.shape))


def matched(M, k):
    return math.sqrt(k / M.numel()) * M.sign()


def schatten(M, p):
    U, S, Vh = svd(M)
    q = 1 if p == math.inf else math.inf if p == 1 else p / (p - 1)
    if q == math.inf:
        return U[:, :1] @ Vh[:1]
    size = (S**q).sum() ** (1 / q)
    return U @ torch.diag((S / size) ** (q - 1)) @ Vh


def largest_entry(M):
    D = torch.zeros_like(M)
    at = M.abs().argmax()
    D.view(-1)[at] = M.reshape(-1)[at].sign()
    return D


def thresholded(M, squares):
    """U diag([σ − τ]_+) Vᵀ and τ, by bisection: Σ[σ − τ]_+ = τ, or Σ[σ − τ]²_+ = τ² for `squares`."""
    U, S, Vh = svd(M)
    low, high = 0.0, float(S[0])
    for _ in range(200):
        tau = (low + high) / 2
        d = (S - tau).clamp_min(0)
        low, high = (tau, high) if float(d.norm() if squares else d.sum()) > tau else (low, tau)
    d = (S - low).clamp_min(0)
    return U @ torch.diag(d) @ Vh, d, low


def f_star_rms(M):
    return 2 * thresholded(M, squares=False)[0]


def f_star_sum(M):
    """(‖M‖†)·−lmo(M), with ‖M‖† = 2τ and ‖d‖ = (Σd + √Σd²)/2."""
    D, d, tau = thresholded(M, squares=True)
    return 2 * tau * D / float((d.sum() + d.norm()) / 2)


DENSE = {"svd": "dense"}
RULES = {
    "Muon": (fanion.Muon, {"polar": "exact"}, polar),
    "FMuon": (
        fanion.FMuon,
        {"polar": "exact", "alpha": 0.3},
        lambda M: 0.3 * polar(M) + 0.7 * M / M.norm(),
    ),
    "FMuon beyond": (
        fanion.FMuon,
        {"polar": "exact", "alpha": 1.1},
        lambda M: 1.1 * polar(M) - 0.1 * M / M.norm(),
    ),
    "SMuon": (
        fanion.SMuon,
        {"polar": "exact", "alpha": 0.3, "eta": 0.01},
        lambda M: 0.3 * polar(M) + 0.7 * 0.01 * M.sign(),
    ),
    "SMuon, matched": (
        fanion.SMuon,
        {"polar": "exact", "scale": 2},
        lambda M: 0.5 * polar(M) + matched(M, min(M.shape)),
    ),
    "SFanion": (
        fanion.SFanion,
        {"k": 2, "alpha": 0.8, "eta": 0.02, **DENSE},
        lambda M: 0.8 * top(M, 2) + 0.2 * 0.02 * M.sign(),
    ),
    "SFanion, matched": (fanion.SFanion, {"k": 2, **DENSE}, lambda M: 0.5 * top(M, 2) + 0.5 * matched(M, 2)),
    "SFanion beyond": (
        fanion.SFanion,
        {"k": 2, "alpha": -0.1, "eta": 0.02, **DENSE},
        lambda M: -0.1 * top(M, 2) + 1.1 * 0.02 * M.sign(),
    ),
    "SchattenDescent": (fanion.SchattenDescent, {"p": 3}, lambda M: schatten(M, 3)),
    "SchattenDescent, 1": (fanion.SchattenDescent, {"p": 1}, lambda M: schatten(M, 1)),
    "SchattenDescent, ∞": (fanion.SchattenDescent, {"p": math.inf}, polar),
    "SignSGD": (fanion.SignSGD, {}, torch.sign),
    "GaussSouthwell": (fanion.GaussSouthwell, {}, largest_entry),
    "SGD": (fanion.SGD, {"lambd": 2}, lambda M: M / 2),
    "KernelNeon": (fanion.KernelNeon, {"lambd": 2, **DENSE}, lambda M: svd(M)[1][0] * top(M, 1) / 2),
    "FStarNeon": (fanion.FStarNeon, {"lambd": 2, **DENSE}, lambda M: f_star_rms(M) / 2),
    "FStarNeon, sum": (fanion.FStarNeon, {"form": "sum", "lambd": 2, **DENSE}, lambda M: f_star_sum(M) / 2),
}


def stepped(make, reference, lr=0.1, steps=3, **options):
    """Parameters after `steps` of the optimizer, and of W ← (1 − lr·decay)·W − lr·reference(M) in plain torch."""
    generator = torch.Generator().manual_seed(3)
    params = [nn.Parameter(torch.randn(s, generator=generator, dtype=torch.float64)) for s in SHAPES]
    plain = [p.detach().clone() for p in params]
    optimizer = make(params, lr=lr, adjust_lr_fn="none", **options)
    group = optimizer.param_groups[0]
    mu, nesterov, ema = group["momentum"], group["nesterov"], group["momentum_kind"] == "ema"
    buffers = [torch.zeros_like(p) for p in plain]
    for _ in range(steps):
        for i, p in enumerate(params):
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            g = p.grad * (1 - mu if ema else 1)
            buffers[i] = mu * buffers[i] + g
            M = g + mu * buffers[i] if nesterov else buffers[i]
            plain[i] = (1 - lr * group["weight_decay"]) * plain[i] - lr * reference(M)
        optimizer.step()
    return params, plain


@pytest.mark.parametrize("name", RULES)
def test_steps_are_the_formula(name):
    make, options, reference = RULES[name]
    for p, expected in zip(*stepped(make, reference, **options), strict=True):
        torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-10)  # float64, gaps of σ down to 1e-2


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_torchs(nesterov):
    generator = torch.Generator().manual_seed(3)
    ours = [nn.Parameter(torch.randn(s, generator=generator)) for s in SHAPES]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    options = {"lr": 0.1, "momentum": 0.9, "nesterov": nesterov}
    optimizers = fanion.SGD(ours, **options), torch.optim.SGD(theirs, **options)
    for _ in range(20):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = q.grad = torch.randn(p.shape, generator=generator)
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-5)  # 20 steps of float32


def test_sign_sgd_is_signum_without_momentum(parameters):
    plain, other = parameters(*SHAPES), parameters(*SHAPES)
    fanion.SignSGD(plain, lr=0.1).step()
    fanion.Signum(other, lr=0.1, momentum=0.0, nesterov=False).step()
    assert all(torch.equal(p, q) for p, q in zip(plain, other, strict=True))


@pytest.mark.parametrize("make", [fanion.Muon, fanion.FMuon, fanion.SMuon])
def test_an_exact_polar_factor_refuses_what_newton_schulz_takes(make, parameters):
    optimizer = make(parameters((6, 8)), polar="exact")
    assert "ns_" not in optimizer.rule_of(optimizer.param_groups[0])
    for key, value in {"ns_steps": 7, "eps": 1e-7, "ns_dtype": "float32", "ns_form": "gram"}.items():
        with pytest.raises(ValueError, match=f"has no option '{key}'; it takes: "):
            make(parameters((6, 8)), polar="exact", **{key: value})
    with pytest.raises(ValueError, match="unknown polar method 'svd'; choose one of: exact, newton_schulz"):
        make(parameters((6, 8)), polar="svd")


SETS = ("quintic", "you", "polar-express", "polar-express-1.02", "polar-express-1.05", "cans", "aol", "deepseek-v4")
SETS += ("cubic5", "cubic", "classic-quintic", "cubic-damped")


@pytest.mark.parametrize("coefficients", SETS)
def test_f_muon_takes_every_coefficient_set(coefficients):
    def reference(M):
        return 0.5 * fanion.newton_schulz(M, coefficients=coefficients) + 0.5 * M / M.norm()

    options = {"ns_coefficients": coefficients, "ns_steps": None}
    for p, expected in zip(*stepped(fanion.FMuon, reference, **options), strict=True):
        torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (fanion.SMuon, {"eta": 0.01, "scale": 1.0}, "eta, .* or scale, .* not both"),
        (fanion.SMuon, {"eta": math.inf}, "eta must be a finite number, got 'inf'"),
        (fanion.SchattenDescent, {"p": 0.5}, "p = 0.5 is out of range"),
        (fanion.KernelNeon, {"lambd": 0}, "lambd = 0 must be finite and positive"),
        (fanion.FStarNeon, {"form": "max"}, "unknown F. form 'max'; choose one of: rms, sum"),
        (fanion.SGD, {"lambd": -1}, "lambd = -1 must be finite and positive"),
    ],
)
def test_bad_values_name_what_is_allowed(make, options, message, parameters):
    with pytest.raises(ValueError, match=message):
        make(parameters((6, 8)), **options)
