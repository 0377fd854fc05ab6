"""C++ and Python training the same network with the same optimizer end at the same bits."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from torch.nn.functional import linear, mse_loss

import fanion

PROGRAM = Path(__file__).parents[2] / os.environ.get("BUILD", "build") / "tests" / "parity" / "fanion_parity"
STEPS = 100
OPTIMIZERS = {
    "Muon": {},
    "Neon": {},
    "Fanion": {"k": 3},
    "FMuon": {"alpha": 0.3},
    "FNeon": {"alpha": 0.3},
    "FFanion": {"k": 3, "alpha": 1.2},
    "DFanion": {"k": 3},
    "Dion": {"k": 3},
    "Cosmos": {"cosmos_rank": 3},
    "NSGD": {},
    "Signum": {},
    "SMuon": {"alpha": 0.3, "eta": 0.01},
    "SFanion": {"k": 3, "alpha": 0.3},
    "SchattenDescent": {"p": 3},
    "SignSGD": {"momentum": 0.0},
    "GaussSouthwell": {},
    "SGD": {"nesterov": True, "momentum_kind": "ema", "adjust_lr_fn": None},
    "KernelNeon": {"lambd": 0.3, "adjust_lr_fn": None},
    "FStarNeon": {"lambd": 0.3, "adjust_lr_fn": None},
}


def trained_in_python(name, options, X, Y, W1, b1, W2, steps=STEPS, load=None, save=None):
    W1, b1, W2 = (p.clone().requires_grad_() for p in (W1, b1, W2))
    groups = [{"params": [W1, W2]}, {"params": [b1], "algorithm": "adamw", "lr": 0.01}]
    optimizer = getattr(fanion, name)(groups, **{"lr": 0.02, "momentum": 0.9, "weight_decay": 0.01} | options)
    if load is not None:
        optimizer.load_state_dict(fanion.state_dict_from_cpp(optimizer, load))
    for _ in range(steps):
        optimizer.zero_grad()
        mse_loss(linear(torch.relu(linear(X, W1, b1)), W2), Y).backward()
        optimizer.step()
    if save is not None:
        fanion.save_for_cpp(optimizer, save)
    return torch.cat([p.detach().flatten() for p in (W1, b1, W2)])


SHAPES = [(64, 24), (64, 12), (32, 24), (32,), (12, 32)]


def data():
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(shape, generator=generator) * (0.3 if i >= 2 else 1.0) for i, shape in enumerate(SHAPES)]


def trained_in_cpp(name, tensors, folder, steps=STEPS, files=()):
    if not PROGRAM.is_file():
        pytest.skip(f"{PROGRAM} is not built; make build builds it")
    (folder / "in").write_bytes(torch.cat([t.flatten() for t in tensors]).numpy().tobytes())
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run([PROGRAM, name, str(steps), folder / "in", folder / "out", *files], check=True, env=threads)
    return torch.frombuffer(bytearray((folder / "out").read_bytes()), dtype=torch.float32)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bit_equal(name, tmp_path):
    tensors = data()
    start = torch.cat([t.flatten() for t in tensors])
    in_cpp = trained_in_cpp(name, tensors, tmp_path)
    in_python = trained_in_python(name, OPTIMIZERS[name], *tensors)

    assert torch.equal(in_cpp, in_python)
    moved = (in_python - start[-in_python.numel() :]).abs().max()
    assert moved > 0.1  # a run that went nowhere would agree too


@pytest.mark.parametrize("name", ["Muon", "FFanion"])
def test_state_goes_from_one_to_the_other(name, tmp_path):
    """Half of the steps in each, in either order, are all of them in one."""
    X, Y, *start = data()
    whole = trained_in_python(name, OPTIMIZERS[name], X, Y, *start)

    def parts(flat):
        sizes = [p.numel() for p in start]
        return [part.view(p.shape) for part, p in zip(flat.split(sizes), start, strict=True)]

    saved = tmp_path / "of_cpp.pt"
    half = trained_in_cpp(name, [X, Y, *start], tmp_path, STEPS // 2, ["-", saved])
    assert torch.equal(trained_in_python(name, OPTIMIZERS[name], X, Y, *parts(half), STEPS // 2, load=saved), whole)
    saved = tmp_path / "of_python.pt"
    half = trained_in_python(name, OPTIMIZERS[name], X, Y, *start, STEPS // 2, save=saved)
    assert torch.equal(
        trained_in_cpp(name, [X, Y, *parts(half)], tmp_path, STEPS // 2, [saved, tmp_path / "end"]), whole
    )


def test_state_of_other_parameters_is_refused(tmp_path):
    small = fanion.Muon([torch.nn.Parameter(torch.ones(3, 2))])
    fanion.save_for_cpp(fanion.Muon([torch.nn.Parameter(torch.ones(3, 2)) for _ in range(2)]), tmp_path / "two.pt")
    with pytest.raises(ValueError, match="the optimizer no parameter 1 of group 0"):
        fanion.state_dict_from_cpp(small, tmp_path / "two.pt")
