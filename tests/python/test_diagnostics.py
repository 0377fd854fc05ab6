import pytest
import torch
from conftest import OPTIMIZERS, PROX
from torch import nn

import fanion


def test_numbers_are_those_of_the_step(make, parameters):
    """Against the next step, from a zero gradient, which does not turn the momentum, and without a look-ahead."""
    if getattr(make, "func", make) is fanion.Dion:
        pytest.skip("its step takes from the momentum what it captured, and starts from the last one's Q")
    params = parameters((12, 20), (20, 12), (8, 3, 2, 2))
    rates = {"lr": 0.1, "weight_decay": 0.0, "nesterov": False, "momentum": 0.5, "adjust_lr_fn": "match_rms_adamw"}
    if make.__class__.__name__ == "partial" and "rule" in make.keywords:
        rates["rule"] = "0.3*nuclear + 0.7*max_entry"
    optimizer = make([("a", params[0]), ("b", params[1]), ("c", params[2])], **rates)
    if "svd" in optimizer.param_groups[0]:
        optimizer.param_groups[0]["svd"] = "dense"
    optimizer.step()
    found = optimizer.diagnostics()
    assert list(found) == ["a", "b", "c"]
    before = [p.detach().clone() for p in params]
    prox = make in [OPTIMIZERS[name] for name in PROX]
    for p in params:
        p.grad.zero_()
    optimizer.step()
    for numbers, p, W in zip(found.values(), params, before, strict=True):
        step = (p.detach() - W).flatten(1) * (2 if prox else 1)  # those are as long as the momentum, which was halved
        M = optimizer.state[p]["momentum_buffer"].flatten(1).double() / 0.5  # it was halved; the direction is the same
        S = torch.linalg.svdvals(M)
        tolerance = {"rel": 1e-4}  # float32 entries of size 1
        assert numbers.update_over_weight == pytest.approx((step.norm() / W.norm()).item(), **tolerance)
        assert numbers.sigma_1 == pytest.approx(S[0].item(), **tolerance)
        assert numbers.stable_rank == pytest.approx((M.norm() / S[0]).square().item(), **tolerance)
        if getattr(make, "func", make) is fanion.Cosmos:
            assert numbers.dual_norm is None
        elif make not in (
            fanion.Muon,
            fanion.FMuon,
            fanion.SMuon,
        ):  # Newton–Schulz reaches 0.68 to 1.21 of the dual norm
            gained = -torch.sum(M * step.double()) / numbers.effective_lr
            assert numbers.dual_norm == pytest.approx(gained.item(), **tolerance)


def test_dual_norm_of_muon_is_the_nuclear_norm(parameters):
    params = parameters((12, 20))
    optimizer = fanion.Muon(params, lr=0.5, adjust_lr_fn="rms_to_rms")
    optimizer.step()
    numbers = optimizer.diagnostics()["0 of group 0"]
    M = optimizer.state[params[0]]["momentum_buffer"]
    assert numbers.dual_norm == pytest.approx(torch.linalg.matrix_norm(M, "nuc").item(), rel=1e-5)
    assert numbers.effective_lr == pytest.approx(0.5 * (12 / 20) ** 0.5)


def test_transposed_parameters_count_as_their_transpose():
    W = nn.Parameter(torch.randn(4, 16))
    W.grad = torch.randn(4, 16)
    numbers = []
    for transposed in (False, True):
        optimizer = fanion.NSGD([{"params": [W], "transposed": transposed}], lr=0.5)
        numbers.append(optimizer.diagnostics()["0 of group 0"].effective_lr)
    assert numbers == [0.5, 1.0]  # √max(1, rows/columns)


def test_adamw_groups(parameters):
    params = parameters((5,), (4, 6))
    optimizer = fanion.Muon([{"params": params, "algorithm": "adamw", "lr": 0.1, "weight_decay": 0.0}])
    fresh = optimizer.diagnostics()["1 of group 0"]
    assert (fresh.sigma_1, fresh.stable_rank, fresh.update_over_weight) == (0, 0, 0)
    before = [p.detach().clone() for p in params]
    optimizer.step()
    found = list(optimizer.diagnostics().values())
    for numbers, p, W in zip(found, params, before, strict=True):
        expected = ((p - W).norm() / p.norm()).item()
        assert numbers.update_over_weight == pytest.approx(expected, rel=1e-4)
        assert numbers.effective_lr == 0.1
    assert found[0].sigma_1 is None
    assert found[1].sigma_1 == pytest.approx(0.1 * torch.linalg.svdvals(params[1].grad)[0].item(), rel=1e-4)


def test_zeros(make, parameters):
    params = parameters((6, 8))
    numbers = make(params).diagnostics()["0 of group 0"]
    assert (numbers.sigma_1, numbers.stable_rank, numbers.update_over_weight) == (0, 0, 0)
    assert numbers.dual_norm == (None if getattr(make, "func", make) is fanion.Cosmos else 0)
