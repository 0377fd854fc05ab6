"""Steps of DTensors, by several processes, against those of whole parameters by one."""

import math

import pytest
import torch
from processes import results_of
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

import fanion

SHAPES = {"a": (12, 7), "b": (5, 9), "wide": (3, 16), "tall": (13, 2), "conv": (6, 3, 2, 2)}
PLACEMENTS = {
    "rows": ((4,), (Shard(0),)),
    "columns": ((4,), (Shard(1),)),
    "replicated": ((2,), (Replicate(),)),
    "hybrid": ((2, 2), (Replicate(), Shard(0))),
    "both": ((2, 2), (Shard(0), Shard(1))),
    "rows twice": ((2, 2), (Shard(0), Shard(0))),
}


def values(dtype, of=SHAPES, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator).to(dtype) for name, shape in of.items()}


def gradients(step, W, dtype):
    """Of a smooth function of W that changes with the step."""
    target = values(dtype, {name: tuple(w.shape) for name, w in W.items()}, seed=100 + step)
    return {
        name: 0.3 * (w - t) + 0.1 * torch.sin(3 * w) for (name, w), t in zip(W.items(), target.values(), strict=True)
    }


def trained(options, steps, dtype=torch.float64, shapes=SHAPES, spread=None):
    """Parameters after `steps` steps, whole, and the optimizer; `spread`: a mesh and placements, or nothing."""
    place = (lambda t: distribute_tensor(t, *spread, src_data_rank=None)) if spread else torch.clone
    params = {name: nn.Parameter(place(w)) for name, w in values(dtype, shapes).items()}
    options = dict(options)
    kind = getattr(fanion, options.pop("kind"))
    optimizer = kind(list(params.items()), lr=0.05, **options)
    for step in range(steps):
        whole = {name: p.detach().full_tensor() if spread else p.detach() for name, p in params.items()}
        for name, g in gradients(step, whole, dtype).items():
            params[name].grad = place(g)
        optimizer.step()
    return {name: p.detach().full_tensor() if spread else p.detach() for name, p in params.items()}, optimizer


RULES = {
    "muon": {"kind": "Muon"},
    "exact": {"kind": "Muon", "polar": "exact"},
    "neon": {"kind": "Neon"},
    "fanion": {"kind": "Fanion", "k": 2, "momentum_kind": "sum"},
    "feedback": {"kind": "Fanion", "k": 1, "error_feedback": True},
    "mixtures": {"kind": "LmoOptimizer", "rule": "0.5*fanion:k=1 + 0.3*frobenius + 0.2*max_entry", "nesterov": False},
    "f-neon": {"kind": "FNeon", "adjust_lr_fn": "match_rms_adamw"},
    "s-fanion": {"kind": "SFanion", "k": 2, "eta": 0.01, "weight_decay_method": "cautious"},
    "d-fanion": {"kind": "DFanion", "k": 1, "adapt": "neuron"},
    "d-fanion rows": {"kind": "DFanion", "k": 1, "residual": "row_norm", "adapt": "element"},
    "d-fanion newton": {"kind": "DFanion", "k": 1, "residual": "newton_schulz"},
    "kernel-neon": {"kind": "KernelNeon", "lambd": 20.0},
    "kernel-neon feedback": {"kind": "KernelNeon", "lambd": 20.0, "error_feedback": True},
    "f-star-neon": {"kind": "FStarNeon", "lambd": 20.0},
    "dion": {"kind": "Dion", "k": 2},
    "dion fraction": {"kind": "Dion", "rank_fraction": 0.5, "nesterov": True},
    "nsgd": {"kind": "NSGD", "normalize_weights": True},
    "signum": {"kind": "Signum"},
    "neuron": {"kind": "Muon", "adapt": "neuron", "normalize_weights": True},
    "schatten": {"kind": "SchattenDescent", "p": 3},
    "rows": {"kind": "LmoOptimizer", "rule": "row_norm"},
    "columns": {"kind": "LmoOptimizer", "rule": "col_norm"},
}


WITHOUT_WARM_START = ("muon", "exact", "nsgd", "signum", "neuron", "schatten", "rows", "columns")


def shapes_of(rule, placed):
    """Convolutions split along columns only for rules that take them."""
    return {
        n: s
        for n, s in SHAPES.items()
        if n != "conv" or placed not in ("columns", "both") or rule in WITHOUT_WARM_START
    }


def spread_trainings(_rank, placed, steps):
    """Of every rule."""
    shape, placements = PLACEMENTS[placed]
    spread = (init_device_mesh("cpu", shape), placements)
    dtype = torch.float64
    return {r: trained(o, steps, dtype, shapes_of(r, placed), spread)[0] for r, o in RULES.items()}


@pytest.mark.parametrize("placed", PLACEMENTS)
def test_steps_are_those_of_one_process(placed):
    found = results_of(math.prod(PLACEMENTS[placed][0]), spread_trainings, placed, 3)
    for rule, options in RULES.items():
        expected, _ = trained(options, 3, torch.float64, shapes_of(rule, placed))
        for name, W in expected.items():
            for rank, of_rank in enumerate(found):
                error = float((of_rank[rule][name] - W).abs().max())
                assert error <= 1e-9 * float(W.abs().max()), f"{rule} {name} on {rank}: {error}"


def on_half_of_them(rank):
    """A parameter on a mesh of two of four processes, one stored in × out on all, and one under AdamW."""
    every, half = init_device_mesh("cpu", (4,)), DeviceMesh("cpu", [1, 3])
    W = values(torch.float64, {"half": (5, 4), "transposed": (6, 9), "vector": (7,)})

    def make(place):
        params = {name: nn.Parameter(place(name, w)) for name, w in W.items()}
        groups = [
            {"params": [("half", params["half"])]},
            {"params": [("transposed", params["transposed"])], "transposed": True},
            {"params": [("vector", params["vector"])], "algorithm": "adamw"},
        ]
        optimizer = fanion.Dion(groups, k=2, lr=0.05)
        for step in range(3):
            for name, g in gradients(step, W, torch.float64).items():
                params[name].grad = place(name, g)
            optimizer.step()
        return params

    def spread(name, tensor):
        return distribute_tensor(tensor, half if name == "half" else every, [Shard(0)], src_data_rank=None)

    found, expected = make(spread), make(lambda _, tensor: tensor.clone())
    for name, W_expected in expected.items():
        if name != "half" or rank in (1, 3):
            torch.testing.assert_close(found[name].full_tensor(), W_expected, rtol=1e-10, atol=1e-10)
    return True


def table(_rank):
    """Of matrices for both of Muon's ways, of one that is whole, and of a rule with sums."""
    mesh = init_device_mesh("cpu", (4,))
    made = {
        name: nn.Parameter(distribute_tensor(torch.ones(shape), mesh, [placement], src_data_rank=None))
        for name, shape, placement in (
            ("tall", (64, 4), Shard(0)),  # 2·4² < 64·4/4
            ("square", (12, 12), Shard(0)),
            ("other square", (8, 8), Shard(0)),
            ("whole", (12, 12), Replicate()),
        )
    }
    groups = [{"params": [("plain", nn.Parameter(torch.ones(3, 3)))]}, {"params": list(made.items())}]
    return fanion.Muon(groups).table(), fanion.Neon([("square", made["square"])]).table()


def test_the_table_says_how_directions_are_found():
    for muon, neon in results_of(4, table):
        head, plain, spread = muon.splitlines()
        assert "directions by" in head
        assert "sums (1), owner (2)" in spread
        assert "owner" not in plain and "sums" not in plain
        assert " sums " in neon and "(" not in neon.split(" sums ")[1].split("12×12")[0]
    assert "directions by" not in fanion.Muon([nn.Parameter(torch.ones(3, 3))]).table()


def test_processes_without_a_parameter_and_other_groups():
    assert all(results_of(4, on_half_of_them))
