"""A hundred steps of other optimizers' own code beside ours, on the gradients of a training by theirs.

    python benchmarks/peer_parity.py --muon DIR --airbench DIR --dion DIR --cosmos DIR

Each DIR is a clone: of KellerJordan/Muon, KellerJordan/cifar10-airbench, microsoft/dion, lliu606/COSMOS on GitHub. What
is not given is left out. Both sides start from the same weights and get the same gradients, in float32; a line says how
far apart the weights are, over how far they have moved, after 1, 10 and 100 steps: of their code as it is, which mostly
multiplies in bfloat16, and of the same code with float32 in its place.
docs/records/peer-parity.md has a run.
"""

import argparse
import ast
import importlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # their @torch.compile runs as it is written

import torch
from torch import nn
from torch.nn.functional import linear, mse_loss

import fanion

STEPS, SHOWN = 100, (1, 10, 100)
PRECISIONS = ("as it is", "in float32")
SHAPES = [(96, 64), (48, 96), (10, 48)]
BFLOAT16: dict[str, Any] = {"ns_dtype": "bfloat16", "ns_form": "direct"}  # where theirs multiply in it
Optimizer = torch.optim.Optimizer
Make = Callable[[list[nn.Parameter]], Optimizer]
MakeOurs = Callable[[list[nn.Parameter], str], Optimizer]  # in the precision of theirs


def module_of(folder: Path, name: str) -> Any:
    """A module of a clone."""
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def definitions_of(file: Path, names: set[str]) -> dict[str, Any]:
    """Functions and classes of a script that would train when imported."""
    tree = ast.parse(file.read_text())
    body = [node for node in tree.body if getattr(node, "name", None) in names]
    found: dict[str, Any] = {"torch": torch}
    exec(compile(ast.Module(body, []), str(file), "exec"), found)
    return found


def ours(make: Any, start: Callable[[Any, list[nn.Parameter]], None] | None = None, **options: Any) -> MakeOurs:
    """Our optimizer; `start` changes its state before the first step."""

    def made(params: list[nn.Parameter], precision: str) -> Optimizer:
        is_narrow = precision == PRECISIONS[0] or "ns_dtype" not in options
        optimizer: Optimizer = make(params, **(options if is_narrow else options | {"ns_dtype": "float32"}))
        if start is not None:
            start(optimizer, params)
        return optimizer

    return made


def from_muon(folder: Path) -> dict[str, tuple[Make, MakeOurs]]:
    """Of a clone of KellerJordan/Muon: theirs and ours, by name."""
    muon = module_of(folder, "muon")
    own = ours(fanion.Muon, lr=0.02, weight_decay=0.1, eps=1e-7, **BFLOAT16)
    return {
        "KellerJordan/Muon, SingleDeviceMuon": (lambda ps: muon.SingleDeviceMuon(ps, lr=0.02, weight_decay=0.1), own)
    }


def from_airbench(folder: Path) -> dict[str, tuple[Make, MakeOurs]]:
    """Likewise of KellerJordan/cifar10-airbench."""
    theirs = definitions_of(folder / "airbench94_muon.py", {"zeropower_via_newtonschulz5", "Muon"})["Muon"]
    options = {"lr": 0.24, "momentum": 0.6, "nesterov": True}
    own: dict[str, Any] = {**options, "momentum_kind": "sum", "weight_decay": 0.0, "adjust_lr_fn": "none"}
    own |= {"normalize_weights": True, "ns_steps": 3, "eps": 1e-7, **BFLOAT16}
    return {"airbench94_muon.py, Muon": (lambda ps: theirs(ps, **options), ours(fanion.Muon, **own))}


def from_dion(folder: Path) -> dict[str, tuple[Make, MakeOurs]]:
    """Likewise of microsoft/dion."""
    dion = module_of(folder, "dion")
    common: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.01, "momentum": 0.95, "momentum_kind": "sum"}
    common["adjust_lr_fn"] = "rms_to_rms"
    muon = {**common, "eps": 1e-8, **BFLOAT16}
    plain = {"lr": 0.01, "mu": 0.95, "weight_decay": 0.01}
    rank: dict[str, Any] = {"rank_fraction": 0.25}
    starts: dict[tuple[int, ...], torch.Tensor] = {}

    def theirs_with_a_start(params: list[nn.Parameter]) -> Optimizer:
        optimizer: Any = dion.DionReference(params, **plain, **rank, qr_method="qr")
        for p in params:
            k = math.ceil(0.25 * min(p.shape))
            starts[tuple(p.shape)] = torch.randn(min(p.shape), k)
            optimizer._get_dion_param_config(p)
            optimizer._init_opt_state_dion(p, optimizer.state[p], 0.25, 1)
            optimizer.state[p]["Q"].copy_(starts[tuple(p.shape)])
        made: Optimizer = optimizer
        return made

    def start(optimizer: Any, params: list[nn.Parameter]) -> None:
        for p in params:
            optimizer.state[p]["warm_start"][: min(p.shape)] = starts[tuple(p.shape)]

    you: dict[str, Any] = {"ns_coefficients": "you"}
    return {
        "dion, MuonReference": (
            lambda ps: dion.MuonReference(ps, **plain, nesterov=True),
            ours(fanion.Muon, **muon, nesterov=True),
        ),
        "dion, Muon": (
            lambda ps: dion.Muon(ps, **plain, use_polar_express=False),
            ours(fanion.Muon, **muon, **you, nesterov=False),
        ),
        "dion, Muon with cautious_wd": (
            lambda ps: dion.Muon(ps, **plain, use_polar_express=False, cautious_wd=True),
            ours(fanion.Muon, **muon, **you, nesterov=False, weight_decay_method="cautious"),
        ),
        "dion, NorMuon": (
            lambda ps: dion.NorMuon(ps, **plain, use_polar_express=False),
            ours(fanion.Muon, **muon, **you, nesterov=False, adapt="neuron"),
        ),
        "dion, DionReference": (
            theirs_with_a_start,
            ours(fanion.Dion, start=start, lr=0.01, weight_decay=0.01, **rank),
        ),
    }


def from_cosmos(folder: Path) -> dict[str, tuple[Make, MakeOurs]]:
    """Likewise of lliu606/COSMOS."""
    theirs = module_of(folder, "COSMOS_optim").COSMOS

    def start(optimizer: Any, params: list[nn.Parameter]) -> None:
        for p in params:  # theirs begins with the leading eigenvectors of the first gradient's gᵀg
            optimizer.state[p]["cosmos_basis"].copy_(torch.linalg.svd(p.grad).Vh[:8].mT)

    return {
        "COSMOS": (
            lambda ps: theirs(ps, lr=2e-3, betas=(0.95, 0.95), weight_decay=0.1, lr_ratio=0.2, rank=8),
            ours(fanion.Cosmos, start=start, cosmos_rank=8, eps=1e-7, **BFLOAT16),
        )
    }


def gradients(weights: Sequence[torch.Tensor], step: int) -> list[torch.Tensor]:
    """Of a network that learns another one, on fresh inputs at every step."""
    generator = torch.Generator().manual_seed(1000 + step)
    x = torch.randn(64, SHAPES[0][1], generator=generator)
    teacher = torch.randn(SHAPES[0][1], SHAPES[-1][0], generator=torch.Generator().manual_seed(7))
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    hidden = x
    for w in leaves[:-1]:
        hidden = torch.relu(linear(hidden, w))
    loss = mse_loss(linear(hidden, leaves[-1]), torch.sin(0.3 * x @ teacher))
    return list(torch.autograd.grad(loss, leaves))


def scaled_to_rows(W: torch.Tensor) -> torch.Tensor:
    """W at ‖W‖_F = √rows, as airbench has it."""
    scaled: torch.Tensor = W * (len(W) ** 0.5 / W.norm())
    return scaled


def stepped_in(precision: str, optimizer: Optimizer) -> None:
    """A step, with float32 for whatever the optimizer calls bfloat16 if that is asked for."""
    if precision == PRECISIONS[0]:
        optimizer.step()
        return
    with patch("torch.bfloat16", torch.float32), patch.object(torch.Tensor, "bfloat16", torch.Tensor.float):
        optimizer.step()


def beside(theirs: Make, own: MakeOurs, precision: str) -> list[float]:
    """How far apart the weights are over how far theirs have moved, at SHOWN, the worst of the matrices."""
    generator = torch.Generator().manual_seed(3)
    start = [scaled_to_rows(torch.randn(shape, generator=generator)) for shape in SHAPES]
    of_them, of_us = ([nn.Parameter(W.clone()) for W in start] for _ in range(2))
    for ps in (of_them, of_us):
        for p, g in zip(ps, gradients(start, 0), strict=True):
            p.grad = g.clone()
    their_optimizer, our_optimizer = theirs(of_them), own(of_us, precision)
    normalized = our_optimizer.param_groups[0]["normalize_weights"]  # theirs are, but before the next step
    apart = []
    for step in range(STEPS):
        for p, q, g in zip(of_them, of_us, gradients(of_them, step), strict=True):
            p.grad, q.grad = g.clone(), g.clone()
        stepped_in(precision, their_optimizer)
        our_optimizer.step()
        ends = [scaled_to_rows(p.detach()) if normalized else p.detach() for p in of_them]
        if step + 1 in SHOWN:
            apart.append(
                max(
                    float((q.detach() - W).norm() / (W - W0).norm())
                    for q, W, W0 in zip(of_us, ends, start, strict=True)
                )
            )
    return apart


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sources = {"muon": from_muon, "airbench": from_airbench, "dion": from_dion, "cosmos": from_cosmos}
    for name in sources:
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help="a clone")
    given = vars(parser.parse_args())
    if not any(given.values()):
        parser.error("give at least one clone")
    torch.manual_seed(0)
    heads = [f"{precision}, after {n}" for precision in PRECISIONS for n in SHOWN]
    print("| theirs | " + " | ".join(heads) + " |\n| --- |" + " --- |" * len(heads))
    for name, peers in sources.items():
        for label, (theirs, own) in (peers(given[name]) if given[name] else {}).items():
            apart = [x for precision in PRECISIONS for x in beside(theirs, own, precision)]
            print(f"| {label} | " + " | ".join(f"{x:.1e}" for x in apart) + " |", flush=True)


if __name__ == "__main__":
    with torch.no_grad(), torch.enable_grad():
        main()
