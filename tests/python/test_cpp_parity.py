"""C++ and Python training the same network with the same optimizer end at the same bits."""

import subprocess
from pathlib import Path

import pytest
import torch
from torch.nn.functional import linear, mse_loss

import fanion

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "parity" / "fanion_parity"
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


def trained_in_python(name, options, X, Y, W1, b1, W2):
    W1, b1, W2 = (p.clone().requires_grad_() for p in (W1, b1, W2))
    groups = [{"params": [W1, W2]}, {"params": [b1], "algorithm": "adamw", "lr": 0.01}]
    optimizer = getattr(fanion, name)(groups, **{"lr": 0.02, "momentum": 0.9, "weight_decay": 0.01} | options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        mse_loss(linear(torch.relu(linear(X, W1, b1)), W2), Y).backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in (W1, b1, W2)])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bit_equal(name, tmp_path):
    if not PROGRAM.is_file():
        pytest.skip(f"{PROGRAM} is not built; make build builds it")
    generator = torch.Generator().manual_seed(7)
    shapes = [(64, 24), (64, 12), (32, 24), (32,), (12, 32)]
    tensors = [torch.randn(shape, generator=generator) * (0.3 if i >= 2 else 1.0) for i, shape in enumerate(shapes)]
    start = torch.cat([t.flatten() for t in tensors])
    (tmp_path / "in").write_bytes(start.numpy().tobytes())
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run([PROGRAM, name, str(STEPS), tmp_path / "in", tmp_path / "out"], check=True, env=threads)
    in_cpp = torch.frombuffer(bytearray((tmp_path / "out").read_bytes()), dtype=torch.float32)

    in_python = trained_in_python(name, OPTIMIZERS[name], *tensors)

    assert torch.equal(in_cpp, in_python)
    moved = (in_python - start[-in_python.numel() :]).abs().max()
    assert moved > 0.1  # a run that went nowhere would agree too
