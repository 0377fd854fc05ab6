"""Error feedback: what a low-rank step leaves out stays in the momentum."""

import itertools
import math

import pytest
import torch

import fanion


def top(M, k):
    """U and Vᵀ of the k leading triplets."""
    U, _, Vh = torch.linalg.svd(M, full_matrices=False)
    return U[:, :k], Vh[:k]


def flattened(M, k):
    U, Vh = top(M, k)
    return U @ Vh


def rest(M, k):
    U, _ = top(M, k)
    return M - U @ (U.mT @ M)


def above_threshold(M):
    """U, V and σ − τ of F*-Neon's triplets, Σ[σ_i − τ]_+ = τ."""
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    sums = S.cumsum(0) / torch.arange(2, len(S) + 2)
    tau = sums.max()  # Σ_{i≤j} σ_i/(j + 1) is largest where the next σ lies below it
    kept = tau < S
    return U[:, kept], S[kept] - tau, Vh[kept]


def f_star(M):
    U, d, Vh = above_threshold(M)
    return 2 * U @ torch.diag(d) @ Vh


# Class with options, what a step captures (k leading columns of U, or U), and −D for a momentum M.
RULES = {
    "Neon": (fanion.Neon, {}, 1, lambda M: flattened(M, 1)),
    "Fanion": (fanion.Fanion, {"k": 3}, 3, lambda M: flattened(M, 3)),
    "FNeon": (fanion.FNeon, {"alpha": 0.3}, 1, lambda M: 0.3 * flattened(M, 1) + 0.7 * M / M.norm()),
    "FFanion": (fanion.FFanion, {"k": 2}, 2, lambda M: 0.5 * flattened(M, 2) + 0.5 * M / M.norm()),
    "DFanion": (
        fanion.DFanion,
        {"k": 2},
        2,
        lambda M: flattened(M, 2) + math.sqrt((min(M.shape) - 2) / M.numel()) * rest(M, 2).sign(),
    ),
    "KernelNeon": (fanion.KernelNeon, {"lambd": 3}, 1, lambda M: torch.linalg.svdvals(M)[0] / 3 * flattened(M, 1)),
    "FStarNeon": (fanion.FStarNeon, {}, lambda M: above_threshold(M)[0], f_star),
    "rows": (
        fanion.DFanion,
        {"k": 2, "residual": "row_norm"},
        2,
        lambda M: (
            flattened(M, 2)
            + math.sqrt((min(M.shape) - 2) / M.shape[0]) * rest(M, 2) / rest(M, 2).norm(dim=1, keepdim=True)
        ),
    ),
}


def stepped_by_hand(W, gradients, k, direction, lr, mu, decay, nesterov, kind):
    B = torch.zeros_like(W)
    for g in gradients:
        g = (1 - mu) * g if kind == "ema" else g
        B = B + g
        M = mu * B + g if nesterov else B
        W = (1 - lr * decay) * W - lr * direction(M)
        U = k(M) if callable(k) else top(M, k)[0]
        B = B - (1 - mu) * U @ (U.mT @ B)
    return W, B


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("nesterov", "kind"), list(itertools.product([True, False], ["ema", "sum"])))
@pytest.mark.parametrize("shape", [(9, 6), (6, 11)])
def test_steps_are_those_by_hand(name, nesterov, kind, shape):
    make, options, k, direction = RULES[name]
    W = torch.randn(shape, dtype=torch.float64)
    p = torch.nn.Parameter(W.clone())
    gradients = [torch.randn(shape, dtype=torch.float64) for _ in range(5)]
    form = {"momentum": 0.8, "nesterov": nesterov, "momentum_kind": kind, "weight_decay": 0.1}
    optimizer = make([p], lr=0.05, svd="dense", adjust_lr_fn="none", error_feedback=True, **form, **options)
    for g in gradients:
        p.grad = g
        optimizer.step()
    expected, B = stepped_by_hand(W, gradients, k, direction, 0.05, 0.8, 0.1, nesterov, kind)
    # Rounding of float64, amplified by gaps of the singular values.
    assert torch.allclose(p.detach(), expected, rtol=0, atol=1e-11)
    assert torch.allclose(optimizer.state[p]["momentum_buffer"], B, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["Muon", "FMuon", "NSGD", "Signum", "SGD"])
def test_rules_without_a_low_rank_part_refuse_it(name, parameters):
    with pytest.raises(ValueError, match=r"needs a rule with one low-rank part.* has none; such are neon, fanion, "):
        getattr(fanion, name)(parameters((6, 8)), error_feedback=True)
    optimizer = getattr(fanion, name)(parameters((6, 8)))
    optimizer.param_groups[0]["error_feedback"] = True
    before = [p.detach().clone() for p in optimizer.param_groups[0]["params"]]
    with pytest.raises(ValueError, match="has none"):
        optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(optimizer.param_groups[0]["params"], before, strict=True))


@pytest.mark.parametrize("options", [{"nesterov": False, "momentum_kind": "sum"}, {}])
def test_warm_started_and_resumed_runs_end_at_the_same_bits(options, parameters):
    def make(params):
        return fanion.Fanion(params, k=2, lr=0.1, error_feedback=True, **options)

    once, other = parameters((30, 20)), parameters((30, 20))
    first, second = make(once), make(other)
    for step in range(6):
        if step == 3:
            saved = second.state_dict()
            second = make(other)
            second.load_state_dict(saved)
        for p, q in zip(once, other, strict=True):
            p.grad = q.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(step))
        first.step()
        second.step()
    assert all(torch.equal(p, q) for p, q in zip(once, other, strict=True))
