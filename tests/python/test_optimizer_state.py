"""The state that optimizers keep: its dtype, its way into checkpoints and copies, and its size."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from trajectories import assert_same, mixed_groups, step_with_random_gradients, tensors_of

import fanion


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_parameters_have_float32_momentum(make, parameters, dtype):
    half, full = parameters((12, 20), dtype=dtype), parameters((12, 20), dtype=dtype)
    full = [nn.Parameter(p.detach().float()) for p in full]
    full[0].grad = half[0].grad.float()
    optimizers = [make(params, lr=0.1, weight_decay=0.0) for params in (half, full)]
    for optimizer in optimizers:
        optimizer.step()
    state, reference = optimizers[0].state[half[0]], optimizers[1].state[full[0]]
    assert state["momentum_buffer"].dtype == torch.float32
    assert torch.equal(state["momentum_buffer"], reference["momentum_buffer"])
    # The step is rounded once, and W + step once, to the parameter's dtype; entries are below 4.
    torch.testing.assert_close(half[0].float(), full[0].detach(), rtol=0, atol=8 * torch.finfo(dtype).eps)


def test_float64_state(make, parameters):
    params = parameters((6, 8), dtype=torch.float64)
    optimizer = make(params)
    optimizer.step()
    assert optimizer.state[params[0]]["momentum_buffer"].dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("through_a_file", [False, True])
def test_state_dict_round_trip_continues_bit_for_bit(make, parameters, dtype, through_a_file):
    generator = torch.Generator().manual_seed(4)
    one = make(mixed_groups(parameters, dtype), lr=0.03)
    for _ in range(3):
        step_with_random_gradients(one, generator)
    saved = one.state_dict()
    if through_a_file:
        file = io.BytesIO()
        torch.save(saved, file)
        file.seek(0)
        saved = torch.load(file, weights_only=True)
    two = make(mixed_groups(parameters, dtype), lr=0.5)
    with torch.no_grad():
        for p, q in zip(tensors_of(two), tensors_of(one), strict=True):
            p.copy_(q)
    two.load_state_dict(saved)
    assert_same(one, two)
    assert two.param_groups[0]["lr"] == 0.03
    shared = {t.data_ptr() for s in one.state.values() for t in s.values() if t.numel()}
    assert shared.isdisjoint(t.data_ptr() for s in two.state.values() for t in s.values() if t.numel())
    state = generator.get_state()
    for optimizer in (one, two):
        generator.set_state(state)
        for _ in range(2):
            step_with_random_gradients(optimizer, generator)
    assert_same(one, two)


def test_loading_after_adding_a_group(make, parameters):
    optimizers = []
    for _ in range(2):
        optimizer = make(parameters((6, 8)))
        optimizer.add_param_group({"params": parameters((7, 5), (3, 4), seed=2), "lr": 0.2})
        optimizers.append(optimizer)
    optimizers[0].step()
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    for p, q in zip(tensors_of(optimizers[0]), tensors_of(optimizers[1]), strict=True):
        assert torch.equal(*(o.state[x]["momentum_buffer"] for o, x in zip(optimizers, (p, q), strict=True)))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_continue_bit_for_bit(make, parameters, duplicate):
    one = make(mixed_groups(parameters, torch.bfloat16), adamw_lr=0.05)
    one.step()
    two = duplicate(one)
    for optimizer in (one, two):
        step_with_random_gradients(optimizer, torch.Generator().manual_seed(4))
    assert_same(one, two)
    two.add_param_group({"params": [nn.Parameter(torch.zeros(3))], "algorithm": "adamw"})
    assert two.param_groups[-1]["lr"] == 0.05


def test_groups_of_before_rank_fraction_load(parameters):
    params = parameters((12, 20))
    for kind in (fanion.Fanion, fanion.FFanion, fanion.DFanion):
        saved = kind(params, k=2).state_dict()
        for key in ("rank_fraction", "ns_steps", "ns_coefficients", "ns_dtype", "ns_form", "error_feedback"):
            saved["param_groups"][0].pop(key, None)
        optimizer = kind(params, k=3)
        optimizer.load_state_dict(saved)
        optimizer.step()


@pytest.mark.parametrize(("before", "after"), [(4, 2), (2, 5), (3, 3)])
def test_changing_k_resizes_the_warm_starts(parameters, before, after):
    """In a group, and in a checkpoint; a cold start instead would be as right, and slower to settle."""
    params = parameters((12, 20), (9, 7))
    optimizer = fanion.Fanion([("a", params[0]), ("b", params[1])], k=before, lr=0.1)
    for _ in range(4):
        optimizer.step()
    warm = [optimizer.state[p]["warm_start"].clone() for p in params]
    saved = copy.deepcopy(optimizer.state_dict())
    saved["param_groups"][0]["k"] = after
    loaded = fanion.Fanion(params, k=before)
    loaded.load_state_dict(saved)
    columns = {k: k + min(max(k // 2, 1), 4) for k in (before, after)}  # with what is sampled beside
    kept = min(columns.values())
    for p, V in zip(params, warm, strict=True):
        found = loaded.state[p]["warm_start"]
        assert found.shape == (p.shape[1], min(columns[after], *p.shape))
        assert torch.equal(found[:, :kept], V[:, :kept])
    optimizer.param_groups[0]["k"] = after
    start = params[0].detach().clone()
    optimizer.param_groups[0]["weight_decay"] = 0.0
    optimizer.step()
    assert torch.linalg.matrix_rank(params[0] - start, tol=1e-4) == after
    assert optimizer.state[params[0]]["warm_start"].shape == (20, columns[after])
    optimizer.param_groups[0]["k"] = 8
    held = [p.detach().clone() for p in params]
    with pytest.raises(ValueError, match=r"parameter 'b': k = 8 is out of range"):
        optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(params, held, strict=True))
