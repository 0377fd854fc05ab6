"""`adapt` and `weight_decay_method` beside plain NorMuon, AdaMuon and cautious decay, in float64."""

import math

import pytest
import torch
from torch import nn

import fanion

SHAPES = [(7, 5), (5, 7), (8, 3, 2, 2), (6, 1)]
RULES = {
    "Muon": (fanion.Muon, {"polar": "exact"}, lambda M: polar(M)),
    "Neon": (fanion.Neon, {"svd": "dense"}, lambda M: top_pair(M)),
    "FNeon": (fanion.FNeon, {"svd": "dense"}, lambda M: 0.5 * top_pair(M) + 0.5 * M / M.norm()),
    "Signum": (fanion.Signum, {}, torch.sign),
}


def polar(M):
    U, _, Vh = torch.linalg.svd(M, full_matrices=False)
    return U @ Vh


def top_pair(M):
    U, _, Vh = torch.linalg.svd(M, full_matrices=False)
    return U[:, :1] @ Vh[:1]


def adapted(D, v, beta, adapt):
    """NorMuon's step (by rows) and AdaMuon's (by entries): D over √v, as large as it was; v in place."""
    if adapt == "none":
        return D
    squares = D**2
    mean = squares.mean(1, keepdim=True) if adapt == "neuron" else squares
    v.mul_(beta).add_((1 - beta) * mean)
    hat = D / (v.sqrt() + 1e-8)
    return hat * D.norm() / hat.norm()


def decayed(W, D, lr, decay, method):
    if method == "cautious":  # only where the update, −lr·D, does not lead away from zero
        return torch.where(D * W >= 0, (1 - lr * decay) * W, W)
    return (1 - (decay if method == "independent" else lr * decay)) * W


def expect_steps(make, options, reference, dtype=torch.float64, transposed=False, atol=1e-10, **step):
    """Four steps of the optimizer beside plain ones."""
    generator = torch.Generator().manual_seed(5)

    def random(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    params = [nn.Parameter(random(s).to(dtype)) for s in (SHAPES[:2] if transposed else SHAPES)]
    lr, decay, mu = 0.1, 0.3, 0.9
    optimizer = make(
        [{"params": params, "transposed": transposed}],
        lr=lr,
        weight_decay=decay,
        momentum=mu,
        nesterov=False,
        adjust_lr_fn="rms_to_rms",
        **options,
        **step,
    )
    adapt, beta, method = step.get("adapt", "none"), step.get("adapt_beta", 0.95), step.get("weight_decay_method")

    def matrix(p):
        return p.detach().double().t() if transposed else p.detach().double().flatten(1)

    Ws = [matrix(p).clone() for p in params]
    Ms = [torch.zeros_like(W) for W in Ws]
    vs = [torch.zeros(W.shape[0], 1 if adapt == "neuron" else W.shape[1], dtype=torch.float64) for W in Ws]
    for _ in range(4):
        for i, p in enumerate(params):
            p.grad = random(p.shape).to(dtype)
            Ms[i] = mu * Ms[i] + (1 - mu) * matrix(p.grad)
            D = adapted(reference(Ms[i]), vs[i], beta, adapt)
            W = decayed(Ws[i], D, lr, decay, method)
            Ws[i] = W - lr * math.sqrt(W.shape[0] / W.shape[1]) * D
        optimizer.step()
    for p, W, v in zip(params, Ws, vs, strict=True):
        torch.testing.assert_close(matrix(p), W, rtol=0, atol=atol)
        if adapt != "none":
            torch.testing.assert_close(optimizer.state[p]["second_moment"].double(), v, rtol=0, atol=atol)
    return optimizer


@pytest.mark.parametrize("adapt", ["neuron", "element"])
@pytest.mark.parametrize("rule", RULES)
def test_adapt_is_the_formula(rule, adapt):
    expect_steps(*RULES[rule], adapt=adapt)
    expect_steps(*RULES[rule], adapt=adapt, adapt_beta=0.5)
    expect_steps(*RULES[rule], adapt=adapt, transposed=True)
    expect_steps(*RULES[rule], adapt=adapt, dtype=torch.float32, atol=2e-4)  # of four steps, by gaps of σ


@pytest.mark.parametrize("method", ["decoupled", "cautious", "independent"])
@pytest.mark.parametrize("rule", RULES)
def test_weight_decay_is_the_formula(rule, method):
    expect_steps(*RULES[rule], weight_decay_method=method)
    expect_steps(*RULES[rule], weight_decay_method=method, transposed=True)
    expect_steps(*RULES[rule], weight_decay_method=method, adapt="neuron")


@pytest.mark.parametrize("adapt", ["neuron", "element"])
def test_adapt_keeps_the_length_of_every_rules_step(make, parameters, adapt):
    shapes = [(12, 20), (20, 12), (8, 3, 2, 2)]
    params, plain = parameters(*shapes), parameters(*shapes)
    starts = [p.detach().clone() for p in params]
    make(params, lr=0.1, weight_decay=0.0, adapt=adapt).step()
    make(plain, lr=0.1, weight_decay=0.0).step()
    for p, q, start in zip(params, plain, starts, strict=True):
        assert (p - start).norm().item() == pytest.approx((q - start).norm().item(), rel=1e-4)  # float32


@pytest.mark.parametrize("adapt", ["neuron", "element"])
def test_a_zero_gradient_only_decays(make, parameters, adapt):
    params = parameters((12, 20), (8, 3, 2, 2))
    starts = [p.detach().clone() for p in params]
    for p in params:
        p.grad.zero_()
    for method, kept in (("cautious", 0.9), ("independent", 0.8)):
        make(params, lr=0.5, weight_decay=0.2, adapt=adapt, weight_decay_method=method).step()
        for p, start in zip(params, starts, strict=True):
            torch.testing.assert_close(p.detach(), kept * start, rtol=1e-6, atol=0)
            start.copy_(p.detach())


def test_state_is_one_number_a_row_or_an_entry(parameters):
    params = parameters((6, 8), (4, 3, 2, 2), dtype=torch.bfloat16)
    for adapt, columns in (("neuron", (1, 1)), ("element", (8, 12))):
        optimizer = fanion.Muon(params, adapt=adapt)
        for p, n in zip(params, columns, strict=True):
            v = optimizer.state[p]["second_moment"]
            assert v.shape == (p.shape[0], n)
            assert v.dtype == torch.float32
        optimizer.step()
        again = fanion.Muon(params, adapt=adapt)
        again.load_state_dict(optimizer.state_dict())
        for p in params:
            assert torch.equal(again.state[p]["second_moment"], optimizer.state[p]["second_moment"])
    assert "second_moment" not in fanion.Muon(params).state[params[0]]


def test_a_checkpoint_without_it_starts_it_afresh(parameters):
    params = parameters((6, 8))
    saved = fanion.Muon(params).state_dict()
    saved["param_groups"][0]["adapt"] = "neuron"
    optimizer = fanion.Muon(params, adapt="neuron")
    with pytest.warns(UserWarning, match="second_moment"):
        optimizer.load_state_dict(saved)
    optimizer.step()
    old = fanion.Muon(params).state_dict()
    for name in ("adapt", "adapt_beta", "weight_decay_method"):
        del old["param_groups"][0][name]
    optimizer = fanion.Muon(params)
    optimizer.load_state_dict(old)
    assert optimizer.param_groups[0]["adapt"] == "none"
    optimizer.step()


def test_independent_decay_takes_at_most_all(parameters):
    with pytest.raises(ValueError, match=r"= 1\.5 must be at most 1 with weight_decay_method = 'inde"):
        fanion.Muon(parameters((6, 8)), weight_decay=1.5, weight_decay_method="independent")
