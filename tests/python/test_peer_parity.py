"""A hundred steps beside those of Keller Jordan's Muon, airbench's, microsoft/dion's Muon and NorMuon, and Dion.

Their formulas are written out here in float64; benchmarks/peer_parity.py runs their own code beside ours.
"""

import math

import pytest
import torch

import fanion

QUINTIC = [(3.4445, -4.7750, 2.0315)] * 5
YOU = [  # dion's without Polar Express
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
]
SHAPES = [(24, 16), (16, 24), (20, 20)]
STEPS = 100
SIZE = 1e6  # of gradients: theirs divide M by ‖M‖ + eps, ours by the larger of the two, as torch does
# float64: NS amplifies rounding by at most 4.1⁵ where σ is small, and a step adds to what the last ones have left.
CLOSE = 1e-11


def newton_schulz(M, coefficients, eps):
    X = M.mT if M.shape[0] > M.shape[1] else M
    X = X / (X.norm() + eps)
    for a, b, c in coefficients:
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X.mT if M.shape[0] > M.shape[1] else X


def keller(W, g, s):
    """muon_update of KellerJordan/Muon with lr 0.02: the momentum is a mean, Nesterov's form of it whitened."""
    s["M"] = s["M"].lerp(g, 1 - 0.95)
    U = newton_schulz(g.lerp(s["M"], 0.95), QUINTIC, 1e-7) * max(1, W.shape[0] / W.shape[1]) ** 0.5
    return W * (1 - 0.02 * 0.1) - 0.02 * U


def airbench(W, g, s):
    """airbench94_muon.py: weights are scaled to √rows before the step, three steps of Newton–Schulz, lr 0.24."""
    s["M"] = 0.6 * s["M"] + g
    W = W * W.shape[0] ** 0.5 / W.norm()
    return W - 0.24 * newton_schulz(g + 0.6 * s["M"], QUINTIC[:3], 1e-7)


def dion_muon(W, g, s, adapted=lambda U, s: U):
    """Muon of microsoft/dion without Nesterov and Polar Express: a sum, √(fan_out/fan_in) on lr 0.01, decay 0.01."""
    s["M"] = 0.95 * s["M"] + g
    U = adapted(newton_schulz(s["M"], YOU, 1e-8), s)
    return W * (1 - 0.01 * 0.01) - 0.01 * math.sqrt(W.shape[0] / W.shape[1]) * U


def by_neuron(U, s):
    """normuon_normalization: rows over the root of a mean of their squares, at the norm they had together."""
    v = s["v"] = 0.95 * s.get("v", 0.0) + (1 - 0.95) * U.square().mean(1, keepdim=True)
    V = U / (v.sqrt() + 1e-8)
    return V * U.norm() / V.norm()


_DION = {"lr": 0.01, "weight_decay": 0.01, "momentum_kind": "sum", "nesterov": False, "adjust_lr_fn": "rms_to_rms"}
_DION |= {"ns_coefficients": "you", "eps": 1e-8}
PEERS = {
    "Keller Jordan's Muon": (keller, {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-7}),
    "airbench's Muon": (
        airbench,
        {"lr": 0.24, "momentum": 0.6, "momentum_kind": "sum", "weight_decay": 0.0, "adjust_lr_fn": "none"}
        | {"normalize_weights": True, "ns_steps": 3, "eps": 1e-7},
    ),
    "dion's Muon": (dion_muon, _DION),
    "dion's NorMuon": (lambda W, g, s: dion_muon(W, g, s, by_neuron), _DION | {"adapt": "neuron"}),
}


def gradients(shape):
    """Of squares around a minimum that moves away, with noise."""
    generator = torch.Generator().manual_seed(11)
    base = torch.randn(shape, generator=generator, dtype=torch.float64)
    for step in range(STEPS):
        yield SIZE * base / (1 + step / 20) + 0.5 * SIZE * torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", PEERS)
def test_a_hundred_steps(name):
    theirs, options = PEERS[name]
    for shape in SHAPES:
        W = torch.randn(shape, dtype=torch.float64)
        W *= shape[0] ** 0.5 / W.norm()
        p = torch.nn.Parameter(W.clone())
        optimizer, state = fanion.Muon([p], ns_form="direct", **options), {"M": torch.zeros_like(W)}
        for g in gradients(shape):
            W = theirs(W, g, state)
            p.grad = g.clone()
            optimizer.step()
        if options.get("normalize_weights"):  # theirs does it before the next step
            W = W * shape[0] ** 0.5 / W.norm()
        assert (p - W).norm() <= CLOSE * W.norm(), shape
