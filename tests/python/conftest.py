import inspect
from functools import partial

import pytest
import torch

import fanion

CLASSES = {name: kind for name, kind in vars(fanion).items() if name in fanion.__all__ and isinstance(kind, type)}
# A small k, so that every rule fits the smallest matrices of these tests (k + oversample is clipped to min(m, n)).
GIVEN = {
    "Cosmos": {"cosmos_rank": 1},
    "SFanion": {"eta": 0.01},
    "SchattenDescent": {"p": 3},
    "LmoOptimizer": {"rule": "0.3*neon + 0.7*max_entry"},
}


def _with_what_it_needs(name, kind):
    """The class itself where it needs nothing: tests tell classes apart."""
    given = GIVEN.get(name, {}) | ({"k": 3} if "k" in inspect.signature(kind).parameters else {})
    return partial(kind, **given) if given else kind


OPTIMIZERS = {
    name: _with_what_it_needs(name, kind) for name, kind in CLASSES.items() if issubclass(kind, fanion.LmoOptimizer)
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
