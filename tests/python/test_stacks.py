"""Steps by stacks, the way of accelerators: on the CPU, and on the meta device, which has no values to wait for."""

import copy
import pickle

import pytest
import torch
from conftest import OPTIMIZERS

import fanion


def matrices(*shapes, device="cpu", dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    params = [torch.nn.Parameter(torch.randn(s, generator=generator).to(device, dtype)) for s in shapes]
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator).to(device, dtype)
    return params


SHAPES = ((12, 8), (8, 12), (12, 8), (12, 2, 2, 2), (12, 8))

# Rules whose passes are not fixed look at values: exact singular values, or a search.
LOOKS = ("SchattenDescent", "FStarNeon")


@pytest.mark.parametrize("options", [{}, {"nonfinite": "ignore", "nesterov": False}, {"nonfinite": "skip"}], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in LOOKS])
def test_steps_read_no_value(name, dtype, options):
    others = {"params": [torch.nn.Parameter(torch.empty(7, device="meta", dtype=dtype))], "algorithm": "adamw"}
    others["params"][0].grad = torch.empty(7, device="meta", dtype=dtype)
    optimizer = OPTIMIZERS[name]([{"params": matrices(*SHAPES, device="meta", dtype=dtype)}, others], lr=0.1, **options)
    for _ in range(2):
        optimizer.step()
    optimizer.check()


@pytest.mark.parametrize(
    "options",
    [
        {"adapt": "neuron", "normalize_weights": True},
        {"adapt": "element", "weight_decay_method": "cautious"},
        {"momentum_dtype": "bfloat16", "momentum_kind": "sum"},
        {"error_feedback": True},
        {"error_feedback": True, "nesterov": False, "momentum_kind": "sum"},
        {"cosmos_rank": 2},
    ],
    ids=str,
)
def test_no_option_reads_a_value(options):
    optimizer = fanion.Fanion(matrices(*SHAPES, device="meta"), lr=0.1, k=2, **options)
    for _ in range(2):
        optimizer.step()


def test_values_of_meta_tensors_are_errors():
    with pytest.raises(RuntimeError):
        torch.empty(2, device="meta").sum().item()


@pytest.fixture
def by_stacks(monkeypatch):
    monkeypatch.setattr(fanion.LmoOptimizer, "_stacks_everywhere", True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_single_matrices(name, monkeypatch):
    found = []
    for everywhere in (False, True):
        monkeypatch.setattr(fanion.LmoOptimizer, "_stacks_everywhere", everywhere)
        params = matrices(*SHAPES, dtype=torch.float64)
        optimizer = OPTIMIZERS[name](params, lr=0.1)
        for _ in range(3):
            optimizer.step()
        optimizer.check()
        found.append([p.detach() for p in params])
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)


def named(params):
    return [(f"layer{i}.weight", p) for i, p in enumerate(params)]


@pytest.mark.usefixtures("by_stacks")
def test_an_error_is_told_by_a_later_call_and_changes_nothing():
    params = matrices(*SHAPES)
    optimizer = fanion.Muon(named(params), lr=0.1)
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict()), [p.detach().clone() for p in params]
    good = params[3].grad.clone()
    params[3].grad[2, 0, 1, 1] = float("nan")
    optimizer.step()  # waits for nothing, and says nothing yet
    torch.testing.assert_close([p.detach() for p in params], before[1], rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"'layer3.weight' at step 2 of 2; that step changed nothing"):
        optimizer.state_dict()
    torch.testing.assert_close(optimizer.state_dict()["state"], before[0]["state"], rtol=0, atol=0)
    params[3].grad = good
    optimizer.step()
    optimizer.check()
    assert not torch.equal(params[3], before[1][3])


@pytest.mark.usefixtures("by_stacks")
def test_the_next_step_tells_too():
    params = matrices(*SHAPES)
    optimizer = fanion.Neon(named(params), lr=0.1)
    params[0].grad[0, 0] = float("inf")
    optimizer.step()
    with pytest.raises(ValueError, match=r"'layer0.weight'"):
        optimizer.step()


@pytest.mark.usefixtures("by_stacks")
def test_skipped_parameters_are_counted_by_check():
    params = matrices(*SHAPES)
    before = [p.detach().clone() for p in params]
    optimizer = fanion.FNeon(params, lr=0.1, nonfinite="skip")
    params[1].grad[0, 0] = params[4].grad[1, 1] = float("nan")
    optimizer.step()
    optimizer.check()
    assert optimizer.skipped == 2
    assert [torch.equal(p, q) for p, q in zip(params, before, strict=True)] == [False, True, False, False, True]


@pytest.mark.usefixtures("by_stacks")
@pytest.mark.parametrize("take", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_copies_have_a_record_of_their_own(take):
    optimizer = fanion.Muon(matrices((12, 8)), lr=0.1)
    optimizer.step()
    other = take(optimizer)
    other.param_groups[0]["params"][0].grad = torch.full((12, 8), float("nan"))
    other.step()
    optimizer.check()
    with pytest.raises(ValueError, match="NaN or infinite"):
        other.check()


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("nonfinite", ["error", "skip", "ignore"])
@pytest.mark.parametrize("name", ["FNeon", "SGD"])
def test_gradients_of_a_scaler(name, nonfinite, everywhere, monkeypatch):
    monkeypatch.setattr(fanion.LmoOptimizer, "_stacks_everywhere", everywhere)
    found = []
    for scaled in (False, True):
        torch.manual_seed(4)
        model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
        groups = [
            {"params": [model[0].weight, model[2].weight]},
            {"params": [model[0].bias, model[2].bias], "algorithm": "adamw"},
        ]
        optimizer = OPTIMIZERS[name](groups, lr=0.1, nonfinite=nonfinite)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=scaled)
        for step in range(4):
            optimizer.zero_grad()
            loss = model(torch.randn(5, 6, generator=torch.Generator().manual_seed(step))).square().mean()
            if step == 2 and not scaled:
                continue  # where the scaler finds an infinite gradient, nothing happens
            scaler.scale(loss).backward()
            if step == 2:
                model[0].bias.grad[0] = float("inf")
            scaler.step(optimizer)
            scaler.update()
        optimizer.check()
        assert optimizer.skipped == 0
        found.append([p.detach() for p in model.parameters()])
        if scaled:
            assert scaler.get_scale() == 2.0**9
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-6)
