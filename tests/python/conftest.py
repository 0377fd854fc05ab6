from functools import partial

import pytest
import torch

import fanion

# Small k, so that every rule fits the smallest matrices of these tests (k + oversample is clipped to min(m, n)).
OPTIMIZERS = {
    "Muon": fanion.Muon,
    "Neon": fanion.Neon,
    "Fanion": partial(fanion.Fanion, k=3),
    "FMuon": fanion.FMuon,
    "FNeon": fanion.FNeon,
    "FFanion": partial(fanion.FFanion, k=3),
    "DFanion": partial(fanion.DFanion, k=3),
    "SMuon": fanion.SMuon,
    "SFanion": partial(fanion.SFanion, k=3, eta=0.01),
    "SchattenDescent": partial(fanion.SchattenDescent, p=3),
    "Dion": partial(fanion.Dion, k=3),
    "NSGD": fanion.NSGD,
    "Signum": fanion.Signum,
    "SignSGD": fanion.SignSGD,
    "GaussSouthwell": fanion.GaussSouthwell,
    "SGD": fanion.SGD,
    "KernelNeon": fanion.KernelNeon,
    "FStarNeon": fanion.FStarNeon,
    "LmoOptimizer": partial(fanion.LmoOptimizer, rule="0.3*neon + 0.7*max_entry"),
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


PROX = ("SGD", "KernelNeon", "FStarNeon")  # whose steps are as long as the gradient


@pytest.fixture(params=OPTIMIZERS)
def make(request):
    """Makes each of the optimizers in turn: make(params, **options)."""
    return OPTIMIZERS[request.param]


@pytest.fixture(params=[name for name in OPTIMIZERS if name not in PROX])
def make_lmo(request):
    """Those whose steps do not depend on the gradient's scale."""
    return OPTIMIZERS[request.param]


@pytest.fixture(params=PROX)
def make_prox(request):
    """The others."""
    return OPTIMIZERS[request.param]


@pytest.fixture
def parameters():
    """parameters((m, n), …, dtype=…) with gradients, the same for the same arguments."""

    def of(*shapes, dtype=torch.float32, seed=1):
        generator = torch.Generator().manual_seed(seed)
        made = [torch.nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for s in shapes]
        for p in made:
            p.grad = torch.randn(p.shape, generator=generator).to(dtype)
        return made

    return of
