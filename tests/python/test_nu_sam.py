"""NuSAM: the base optimizer's step with the gradient a rank-one step uphill."""

import copy
import itertools

import pytest
import torch

import fanion


def model_of(*sizes, dtype=torch.float64):
    torch.manual_seed(3)
    layers = [torch.nn.Linear(a, b, dtype=dtype) for a, b in itertools.pairwise(sizes)]
    return torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.Tanh())])


class Task:
    """A fixed regression; `closure` of a model notes the weights that gradients are taken at."""

    def __init__(self, dtype=torch.float64):
        generator = torch.Generator().manual_seed(4)
        self.x = torch.randn(32, 6, generator=generator, dtype=torch.float64).to(dtype)
        self.y = torch.randn(32, 4, generator=generator, dtype=torch.float64).to(dtype)
        self.seen = []

    def closure(self, model, optimizer):
        def closure():
            optimizer.zero_grad()
            self.seen.append([p.detach().clone() for p in model.parameters()])
            loss = torch.nn.functional.mse_loss(model(self.x), self.y)
            loss.backward()
            return loss

        return closure


def top_pair(G):
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    return U[:, :1] @ Vh[:1]


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.AdamW(p, lr=0.01)])
def test_steps_are_those_by_hand(make):
    task, model, twin = Task(), model_of(6, 9, 4), model_of(6, 9, 4)
    optimizer, plain = fanion.NuSAM(make(model.parameters()), rho=0.3, passes=400), make(twin.parameters())
    for _ in range(4):
        optimizer.step(task.closure(model, optimizer))
        # By hand: gradients at W, one step uphill of each parameter, gradients there, back, the base's step.
        loss = task.closure(twin, plain)
        loss()
        before = [p.detach().clone() for p in twin.parameters()]
        with torch.no_grad():
            for p in twin.parameters():
                p.add_(0.3 * (top_pair(p.grad) if p.ndim == 2 else p.grad / p.grad.norm()))
        loss()
        with torch.no_grad():
            for p, w in zip(twin.parameters(), before, strict=True):
                p.copy_(w)
        plain.step()
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-7)  # AdamW divides by small gradients
    weights, perturbed = task.seen[:2]
    assert all((q - w).norm() == pytest.approx(0.3) for w, q in zip(weights, perturbed, strict=True))


def test_a_radius_of_zero_is_the_base_optimizer():
    model, twin = model_of(6, 9, 4, dtype=torch.float32), model_of(6, 9, 4, dtype=torch.float32)
    optimizer = fanion.NuSAM(fanion.Muon([p for p in model.parameters() if p.ndim == 2], lr=0.1), rho=0.0)
    plain = fanion.Muon([p for p in twin.parameters() if p.ndim == 2], lr=0.1)
    task = Task(torch.float32)
    for _ in range(3):
        assert optimizer.step(task.closure(model, optimizer)).item() == plain.step(task.closure(twin, plain)).item()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))


def test_weights_come_back_where_the_closure_raises():
    model = model_of(6, 9, 4, dtype=torch.bfloat16)
    optimizer = fanion.NuSAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    calls = []

    def closure():
        calls.append(None)
        if len(calls) == 2:
            raise KeyboardInterrupt
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_zero_gradients_and_parameters_without_one_stay():
    p, q = torch.nn.Parameter(torch.ones(4, 3)), torch.nn.Parameter(torch.ones(2, 2))
    optimizer = fanion.NuSAM(torch.optim.SGD([p, q], lr=0.1), rho=1.0)
    start = optimizer.state[p]["warm_start"].clone()

    def closure():
        p.grad = torch.zeros_like(p)
        return 1.0

    assert optimizer.step(closure) == 1.0
    assert torch.equal(p.detach(), torch.ones(4, 3))
    assert torch.equal(q.detach(), torch.ones(2, 2))
    assert torch.equal(optimizer.state[p]["warm_start"], start)


def test_resumed_runs_end_at_the_same_bits():
    model = model_of(6, 9, 4, dtype=torch.float32)
    optimizer = fanion.NuSAM(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), rho=0.1)
    task = Task(torch.float32)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer.base_optimizer, 2, 0.5)
    for step in range(6):
        if step == 3:
            weights, saved = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
        optimizer.step(task.closure(model, optimizer))
        schedule.step()
    end = [p.detach().clone() for p in model.parameters()]
    model.load_state_dict(weights)
    again = fanion.NuSAM(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), rho=0.1)
    again.load_state_dict(saved)
    for step in range(3, 6):
        again.step(task.closure(model, again))
        for group in again.param_groups:
            group["lr"] = 0.1 * 0.5 ** ((step + 1) // 2)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), end, strict=True))
    with pytest.raises(ValueError, match="the saved warm starts have shapes"):
        again.load_state_dict({**saved, "warm_starts": saved["warm_starts"][1:]})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda sgd: fanion.NuSAM(sgd, rho=-1.0), ValueError, "rho = -1.0 must be finite and not negative"),
        (lambda sgd: fanion.NuSAM(sgd, passes=0), ValueError, "passes = 0 must be at least 1"),
        (lambda sgd: fanion.NuSAM([torch.ones(2, 2)]), TypeError, "must be a torch optimizer, got list"),
        (lambda sgd: fanion.NuSAM(sgd).step(), ValueError, "needs a closure"),
    ],
)
def test_misuse(call, error, message):
    with pytest.raises(error, match=message):
        call(torch.optim.SGD([torch.nn.Parameter(torch.ones(3, 2))], lr=0.1))
