"""What every optimizer must do."""

import pytest
import torch
from torch import nn
from trajectories import mixed_groups, step_with_random_gradients, tensors_of

import fanion

SHAPES = [(12, 20), (20, 12), (6, 6), (8, 3, 2, 2)]


def test_step_lowers_the_linear_model(make, parameters):
    params = parameters(*SHAPES)
    before = [p.detach().clone() for p in params]
    make(params, lr=0.1, weight_decay=0.0).step()
    for p, start in zip(params, before, strict=True):
        assert torch.sum((p - start) * p.grad) < 0


def test_step_is_the_rule_applied_to_the_gradient(make_lmo, parameters):
    """The first direction does not depend on the momentum's scale, so it is lmo(gradient)."""
    if getattr(make_lmo, "func", make_lmo) is fanion.Cosmos:
        pytest.skip("test_cosmos.py: only a part of its direction is the rule's")
    params = parameters((12, 20), (20, 12))
    optimizer = make_lmo(params, lr=0.1, weight_decay=0.2, adjust_lr_fn="none")
    group = optimizer.param_groups[0]
    if "svd" in group:
        group["svd"] = "dense"  # the same triplets inside and outside, without a warm start
    elif "rule" in group:
        group["rule"] = group["rule"].replace("neon", "neon:svd=dense")
    before = [p.detach().clone() for p in params]
    optimizer.step()
    rule = optimizer.rule_of(group)
    for p, start in zip(params, before, strict=True):
        expected = (1 - 0.1 * 0.2) * start + 0.1 * fanion.norms.rule_from_name(rule).direction(p.grad).dense()
        # Two float32 roundings of entries of size 1, and of the momentum's scale within the rule.
        torch.testing.assert_close(p.detach(), expected, rtol=0, atol=2e-5)


def test_zero_gradient_only_decays(make, parameters):
    params = parameters(*SHAPES)
    before = [p.detach().clone() for p in params]
    for p in params:
        p.grad.zero_()
    optimizer = make(params, lr=0.5, weight_decay=0.1)
    optimizer.step()
    for p, start in zip(params, before, strict=True):
        torch.testing.assert_close(p.detach(), 0.95 * start, rtol=1e-6, atol=0)  # one rounding


@pytest.mark.parametrize("scale", [1e-12, 1e-30, 1e12])
def test_step_does_not_depend_on_the_gradients_scale(make_lmo, parameters, scale):
    plain, scaled = parameters(*SHAPES), parameters(*SHAPES)
    for p in scaled:
        p.grad *= scale
    for params in (plain, scaled):
        make_lmo(params, lr=0.1, weight_decay=0.0).step()
    for p, q in zip(plain, scaled, strict=True):
        # float32 rounding of the scaled gradient, amplified by small gaps between singular values.
        torch.testing.assert_close(p.detach(), q.detach(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-12, 1e-30, 1e12])
def test_prox_steps_grow_with_the_gradient(make_prox, parameters, scale):
    plain, scaled = parameters(*SHAPES), parameters(*SHAPES)
    starts = [p.detach().clone() for p in plain]
    for p in scaled:
        p.grad *= scale
    make_prox(plain, lr=1.0, weight_decay=0.0).step()
    make_prox(scaled, lr=1 / scale, weight_decay=0.0).step()
    for p, q, start in zip(plain, scaled, starts, strict=True):
        assert not torch.equal(p, start)
        torch.testing.assert_close(p.detach(), q.detach(), rtol=0, atol=1e-4)  # as for the others


def test_convolution_is_the_matrix_out_by_the_rest(make, parameters):
    conv, matrix = parameters((8, 3, 2, 2)), parameters((8, 12))
    with torch.no_grad():
        matrix[0].copy_(conv[0].view(8, 12))
    matrix[0].grad.copy_(conv[0].grad.view(8, 12))
    for params in (conv, matrix):
        make(params, lr=0.1).step()
    assert torch.equal(conv[0].view(8, 12), matrix[0])


def test_strides_do_not_matter(make, parameters):
    """channels_last and transposed parameters step like contiguous ones, and keep their strides."""
    plain = parameters((8, 3, 2, 2), (12, 20))
    other = parameters((8, 3, 2, 2), (12, 20))
    strided = [
        nn.Parameter(other[0].detach().contiguous(memory_format=torch.channels_last)),
        nn.Parameter(other[1].detach().t().contiguous().t()),
    ]
    for p, q in zip(strided, other, strict=True):
        p.grad = q.grad
    strides = [p.stride() for p in strided]
    assert [p.is_contiguous() for p in strided] == [False, False]
    for params in (plain, strided):
        optimizer = make(params, lr=0.1)
        optimizer.step()
        optimizer.step()
    for p, q in zip(plain, strided, strict=True):
        # Sums over another order of the same entries: float32 rounding.
        torch.testing.assert_close(p.detach(), q.detach(), rtol=0, atol=2e-5)
    assert [p.stride() for p in strided] == strides


def test_scheduler(make, parameters):
    optimizer = make(mixed_groups(parameters, torch.float32), lr=0.4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    start = tensors_of(optimizer)[0].detach().clone()
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.005]
    assert not torch.equal(start, tensors_of(optimizer)[0])


def test_cycling_momentum(parameters):
    optimizer = fanion.Muon(mixed_groups(parameters, torch.float32))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1, 0.01], total_steps=10)
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    assert 0.85 <= optimizer.param_groups[0]["momentum"] < 0.95


def test_tensor_learning_rate(make, parameters):
    plain, tensor = parameters((6, 8)), parameters((6, 8))
    make(plain, lr=0.25).step()
    make(tensor, lr=torch.tensor(0.25)).step()
    assert torch.equal(plain[0], tensor[0])


def test_closure(make, parameters):
    params = parameters((6, 8))

    def closure():
        assert torch.is_grad_enabled()
        params[0].grad = None
        loss = (params[0] ** 2).sum()
        loss.backward()
        return loss

    optimizer = make(params, lr=0.01)
    losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_parameters_without_gradient_stay(make, parameters):
    params = parameters((6, 8), (6, 8))
    before = params[1].detach().clone()
    params[1].grad = None
    make(params, lr=0.1).step()
    assert torch.equal(params[1], before)


def test_gradient_scaler(make, parameters):
    params = parameters((6, 8))
    optimizer = make(params, lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = params[0].detach().clone()
    params[0].grad = None
    scaler.scale((params[0] * float("inf")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(params[0], before)  # the scaler saw the Inf and left the optimizer alone
    params[0].grad = None
    scaler.scale((params[0] ** 2).sum()).backward()
    scaler.step(optimizer)
    assert not torch.equal(params[0], before)


def test_backward_through_parameters_of_before_a_step_is_an_error(make, parameters):
    """Autograd knows that a step has written to what the graph has saved."""
    for shape in SHAPES:
        (p,) = parameters(shape)
        loss = (p * p).sum()
        loss.backward(retain_graph=True)
        make([p], lr=0.1).step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_rule_options_live_in_the_group(parameters):
    one, two = parameters((6, 8)), parameters((6, 8), seed=2)
    optimizer = fanion.FFanion([{"params": one}, {"params": two, "k": 2, "alpha": 0.25}], k=4, lr=1, weight_decay=0)
    before = two[0].detach().clone()
    optimizer.step()
    assert [group["k"] for group in optimizer.param_groups] == [4, 2]
    assert optimizer.state[two[0]]["warm_start"].shape == (8, 3)
    optimizer.param_groups[1]["alpha"] = 1.0
    with torch.no_grad():
        two[0].copy_(before)
    optimizer.param_groups[1]["adjust_lr_fn"] = "none"
    optimizer.step()
    assert torch.linalg.matrix_rank(two[0] - before, tol=1e-4) == 2  # alpha = 1 is Fanion-2


def test_momentum_kinds_differ_in_scale_only(make_lmo, parameters):
    """With nesterov=False the two buffers are multiples of each other, and no rule depends on the scale."""
    params = [parameters((12, 20)), parameters((12, 20))]
    for kind, ps in zip(("ema", "sum"), params, strict=True):
        optimizer = make_lmo(ps, lr=0.1, nesterov=False, momentum_kind=kind)
        generator = torch.Generator().manual_seed(1)
        for _ in range(3):
            step_with_random_gradients(optimizer, generator)
    # float32 rounding of the two buffers, amplified by small gaps between singular values.
    torch.testing.assert_close(params[0][0], params[1][0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", [fanion.Fanion, fanion.FFanion, fanion.DFanion, fanion.Dion])
def test_a_rank_fraction_is_its_k(kind, parameters):
    one, two = parameters((12, 20), (9, 7), (30, 5)), parameters((12, 20), (9, 7), (30, 5))
    ks = [4, 3, 2]  # ⌈12/3⌉, ⌈7/3⌉, ⌈5/3⌉
    groups = [{"params": [p], "k": k} for p, k in zip(two, ks, strict=True)]
    for optimizer in (kind(one, lr=0.1, rank_fraction=1 / 3), kind(groups, lr=0.1, k=1)):
        for _ in range(3):
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(one, two, strict=True))
    for options, message in (
        ({}, "needs k or rank_fraction, for example"),
        ({"k": 2, "rank_fraction": 0.5}, "takes k or rank_fraction, not both"),
        ({"rank_fraction": 0.0}, r"rank_fraction = 0 must lie in \(0, 1\]"),
        ({"rank_fraction": 1.5}, r"rank_fraction = 1.5 must lie in \(0, 1\]"),
        ({"rank_fraction": "half"}, "rank_fraction must be a finite number, got 'half'"),
    ):
        with pytest.raises(ValueError, match=message):
            kind(one, **options)
