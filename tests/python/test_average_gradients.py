"""Steps that average gradients by products of the momenta, against a plain reference in float64."""

import pytest
import torch
from processes import results_of
from torch import nn

import fanion

SHAPES = {"tall": (9, 5), "wide": (4, 11), "conv": (6, 2, 2, 2)}
LR, MU, K, PROCESSES, STEPS = 0.05, 0.9, 2, 2, 6
DION = {"k": K, "lr": LR, "momentum": MU, "weight_decay": 0.0, "adjust_lr_fn": "none"}
OPTIMIZERS = {
    "neon": lambda p: fanion.Neon(p, lr=LR, momentum=MU),
    "fanion": lambda p: fanion.Fanion(p, k=K, lr=LR, error_feedback=True, adapt="neuron"),
    "dion": lambda p: fanion.Dion(p, **DION),
}


def start(dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    W = {name: torch.randn(shape, generator=generator, dtype=dtype) for name, shape in SHAPES.items()}
    return W | {"vector": torch.randn(7, generator=generator, dtype=dtype)}


def gradient(W, name, step, process):
    """Of a process's own part of the batch: smooth in W, and mostly noise of its own."""
    generator = torch.Generator().manual_seed(1000 * step + 10 * process + len(name))
    return 0.3 * W + torch.sin(3 * W) + torch.randn(W.shape, generator=generator, dtype=W.dtype)


def trained(kind, steps, process=None, state=None, first=0):
    """Weights, optimizer and skipped steps; without a process, of one that is given the mean gradients."""
    params = {name: nn.Parameter(W) for name, W in start().items()}
    matrices, rest = list(params.items())[:-1], list(params.items())[-1:]
    optimizer = OPTIMIZERS[kind]([{"params": matrices}, {"params": rest, "algorithm": "adamw"}])
    if process is not None:
        optimizer.average_gradients()
    if state is not None:
        weights, saved = state
        for name, p in params.items():
            p.data.copy_(weights[name])
        optimizer.load_state_dict(saved)
    for step in range(first, first + steps):
        of_all = [{n: gradient(p.detach(), n, step, r) for n, p in params.items()} for r in range(PROCESSES)]
        for name, p in params.items():
            p.grad = of_all[process][name] if process is not None else sum(g[name] for g in of_all) / PROCESSES
        optimizer.step()
    return {name: p.detach() for name, p in params.items()}, optimizer


def plain_dion():
    """Dion by formulas, of momenta M_r that each process keeps, and of which P and R alone are averaged."""
    W = {name: w for name, w in start().items() if name != "vector"}
    _, optimizer = trained("dion", 0)
    M = [{name: torch.zeros_like(w).flatten(1) for name, w in W.items()} for _ in range(PROCESSES)]
    starts = [optimizer.state[p]["warm_start"] for p in optimizer.param_groups[0]["params"]]
    Q = {name: Q[: min(w.flatten(1).shape)] for (name, w), Q in zip(W.items(), starts, strict=True)}
    for step in range(STEPS):
        grads = [{n: gradient(w, n, step, r).flatten(1) for n, w in W.items()} for r in range(PROCESSES)]
        for name, w in W.items():
            for r in range(PROCESSES):
                M[r][name] += grads[r][name]
            is_wide = w.flatten(1).shape[0] < w.flatten(1).shape[1]
            A = [M[r][name].T if is_wide else M[r][name] for r in range(PROCESSES)]
            P = torch.linalg.qr(sum(a @ Q[name] for a in A) / PROCESSES).Q
            R = sum(a.T @ P for a in A) / PROCESSES
            for a in A:
                a -= (1 - MU) * P @ R.T
            Q[name] = R / R.norm(dim=0)
            D = P @ Q[name].T
            w -= LR * (D.T if is_wide else D).reshape(w.shape)
    return W


def training(rank):
    """Of every rule the weights, after a checkpoint half way too; and errors."""
    found = {}
    for kind in OPTIMIZERS:
        whole, optimizer = trained(kind, STEPS, rank)
        half, half_way = trained(kind, 3, rank)
        saved = half_way.state_dict()
        resumed, _ = trained(kind, STEPS - 3, rank, (half, saved), first=3)
        found[kind] = {"whole": whole, "half": (half, saved), "resumed": resumed, "table": optimizer.table()}
    try:
        p = nn.Parameter(torch.ones(4, 3))
        p.grad = torch.ones(4, 3)
        muon = fanion.Muon([("w", p)])
        muon.average_gradients()
        muon.step()
    except ValueError as error:
        found["error"] = str(error)
    return found


def close(found, expected):
    for name, W in expected.items():
        torch.testing.assert_close(found[name], W, rtol=1e-9, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")


def test_steps_are_those_of_averaged_gradients():
    ranks = results_of(PROCESSES, training)
    for kind in OPTIMIZERS:
        expected, _ = trained(kind, STEPS)
        for found in ranks:
            close(found[kind]["whole"], expected)
            close(found[kind]["resumed"], expected)
            assert "products" in found[kind]["table"]
            # A checkpoint is that of one process, and goes on in one.
            alone, _ = trained(kind, STEPS - 3, state=found[kind]["half"], first=3)
            close(alone, expected)
        for name, W in ranks[0][kind]["whole"].items():
            assert torch.equal(W, ranks[1][kind]["whole"][name]), (kind, name)
    close(ranks[0]["dion"]["whole"], plain_dion())
    for found in ranks:
        assert "parameter 'w' has gradients that the step is to average" in found["error"]
        assert "and the rule is spectral" in found["error"]


def test_it_needs_a_process_group_and_plain_parameters():
    optimizer = fanion.Neon([nn.Parameter(torch.ones(4, 3))])
    with pytest.raises(ValueError, match="init_process_group"):
        optimizer.average_gradients()
