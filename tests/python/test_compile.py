"""torch.compile: what gives tensors is part of a graph, the rest breaks it, and bits are those without it."""

import pytest
import torch
from conftest import OPTIMIZERS
from norm_cases import NO_PROJECTION, NORMS

import fanion
from fanion._library import ops
from fanion.linalg import LinearOperator


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


def compiled(function, whole=True):
    """`function` as a graph, of its shapes and strides alone, which an inductor would not change."""
    return torch.compile(function, backend="aot_eager", fullgraph=whole, dynamic=False)


def assert_same(function, *inputs, whole=True):
    torch.testing.assert_close(compiled(function, whole)(*inputs), function(*inputs), rtol=0, atol=0)


WIDE, TALL = torch.randn(6, 9, generator=torch.Generator().manual_seed(1)), torch.randn(9, 6).T.contiguous().T


@pytest.mark.parametrize("M", [WIDE, TALL, torch.randn(2, 5, 4), WIDE.double(), WIDE.bfloat16()])
def test_polar_factors_are_whole_graphs(M):
    def factors(M):
        sets = [fanion.newton_schulz(M, coefficients=c) for c in ("quintic", "polar-express", (1.5, -0.5, 0.0))]
        narrow = fanion.newton_schulz(M, steps=3, dtype=torch.bfloat16), fanion.newton_schulz(M, form="gram")
        return fanion.polar(M).sum(), *sets, *narrow

    assert_same(factors, M)


@pytest.mark.parametrize("name", NORMS)
def test_norms_are_whole_graphs(name):
    norm = NORMS[name]

    def everything(M):
        found = [norm.value(M), norm.dual(M), norm.lmo(M), norm.prox(M, 0.5)]
        return found if name in NO_PROJECTION else [*found, norm.project(M)]

    for M in (WIDE.T, torch.randn(2, 5, 4).bfloat16()):
        assert_same(everything, M)


FAKES = {
    "newton_schulz": {"name": "quintic", "triples": [], "steps": 0, "eps": 0.0, "dtype": None, "form": "direct"},
    "polar_factor": {"tol": 0.0},
    "norm_value": {"norm": "nuclear"},
    "norm_dual": {"norm": "nuclear"},
    "norm_lmo": {"norm": "nuclear"},
    "norm_prox": {"lam": 0.5, "norm": "nuclear"},
    "norm_project": {"norm": "nuclear"},
}


@pytest.mark.parametrize("M", [WIDE, TALL, torch.randn(2, 5, 4), WIDE.bfloat16()])
@pytest.mark.parametrize("name", FAKES)
def test_fake_ops_are_like_the_real_ones(name, M):
    torch.library.opcheck(getattr(ops, name).default, (M,), FAKES[name], test_utils=("test_schema", "test_faketensor"))


def test_solvers_break_the_graph():
    def triplets(M):
        U, S, V, report = fanion.topk_svd(2 * M, 2)
        return U * S, V, report.status

    def through_operators(M):
        A = LinearOperator(M.shape, matmat=lambda X: M @ X, rmatmat=lambda X: M.T @ X)
        return fanion.topk_svd(2 * A, 2)[:3]

    def reported(M):
        Q, report = fanion.polar_with_report(M + 1)
        return Q * 2, report.iterations

    for function in (triplets, through_operators, reported):
        result, expected = compiled(function, whole=False)(WIDE), function(WIDE)
        torch.testing.assert_close(result[:2], expected[:2], rtol=0, atol=0)


def test_rules_break_the_graph():
    def directions(M):
        return [fanion.norms.rule_from_name(r).direction(M + 1).dense() * 2 for r in ("d-fanion:k=2", "f-muon")]

    assert_same(directions, WIDE, whole=False)


def train(make, compile_step, steps=3):
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(8, 12), torch.nn.ReLU(), torch.nn.Linear(12, 4, bias=False))
    groups = [{"params": [model[0].weight, model[2].weight]}, {"params": [model[0].bias], "algorithm": "adamw"}]
    optimizer = make(groups, lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = compiled(step, whole=False) if compile_step else step
    losses = []
    for i in range(steps):
        losses.append(run(torch.randn(5, 8, generator=torch.Generator().manual_seed(i))))
        schedule.step()
    return [*losses, *model.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_train_steps(name):
    torch.testing.assert_close(train(OPTIMIZERS[name], True), train(OPTIMIZERS[name], False), rtol=0, atol=0)


def test_a_compiled_step_of_the_optimizer_alone(parameters):
    found = []
    for wrap in (lambda f: f, lambda f: compiled(f, whole=False)):
        params = parameters((24, 16), (16, 40))
        optimizer = fanion.Muon(params, lr=0.1)
        step = wrap(optimizer.step)
        for _ in range(3):
            step()
        found.append(params)
    torch.testing.assert_close(*found, rtol=0, atol=0)
