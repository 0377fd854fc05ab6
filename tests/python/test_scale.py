"""Gradients near the ends of their dtype's range: steps are those of the same gradients at size one."""

import pytest
import torch
from conftest import OPTIMIZERS, PROX

import fanion

# Of float64 also 1e±160, 1e-170 and 1e-300, where squares leave the range; float16's buffers are float32.
SIZES = [
    *((torch.float64, e) for e in (1023.8, 531, -531, -565, -997)),
    *((torch.float32, e) for e in (127.8, 100, -100, -122)),
    *((torch.bfloat16, e) for e in (127.8, -122)),
    *((torch.float16, e) for e in (15.8, -13)),
]

LMO = [name for name in OPTIMIZERS if name not in PROX]


def steps(name, dtype, size, lr, **options):
    """Weights after gradients of ±size whose signs change, so that differences of the momentum are twice as large."""
    generator = torch.Generator().manual_seed(2)
    params = [torch.nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for s in ((9, 6), (40, 30), (4, 2, 3))]
    before = [p.detach().clone() for p in params]
    if name == "DFanion":
        options["residual"] = "frobenius"  # the sign of an entry that is nearly 0 is anything
    optimizer = OPTIMIZERS[name](params, lr=lr, weight_decay=0.0, **options)
    for i in range(12):
        for p in params:
            signs = torch.rand(p.shape, generator=generator).sub(0.3).sign() * (1 if i < 8 else -1)
            p.grad = (signs.double() * size).to(dtype)
        optimizer.step()
    return before, [p.detach() for p in params]


@pytest.mark.parametrize(("dtype", "exponent"), SIZES)
@pytest.mark.parametrize("name", LMO)
def test_steps_are_those_at_size_one(name, dtype, exponent):
    size = 2.0**exponent
    # Dion's own momentum, a sum that is not decayed, reaches the end of the range.
    options = {"momentum_kind": "ema"} if name == "Dion" else {}
    _, expected = steps(name, dtype, 2.0 ** (exponent % 1), lr=0.1, **options)
    before, found = steps(name, dtype, size, lr=0.1, **options)
    # Only the rounding of the momentum may differ.
    close = {torch.float64: 1e-9, torch.float32: 2e-3}.get(dtype, 2e-2)
    for start, p, q in zip(before, found, expected, strict=True):
        assert (p - q).double().norm() <= close * (q - start).double().norm()
        assert (p - start).double().norm() > 1e-2


@pytest.mark.parametrize("name", LMO)
def test_sums_of_huge_gradients_stop_at_the_largest_number(name):
    for dtype in (torch.float32, torch.float64):
        for nesterov in (True, False):
            options = {"momentum_kind": "sum", "nesterov": nesterov}
            before, found = steps(name, dtype, 0.9 * torch.finfo(dtype).max, lr=0.1, **options)
            assert all(p.isfinite().all() and (p - q).norm() > 1e-2 for p, q in zip(found, before, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_rate_of_zero_leaves_weights_alone(name, dtype):
    before, found = steps(name, dtype, 0.9 * torch.finfo(dtype).max, lr=0.0)
    assert all(torch.equal(p, q) for p, q in zip(found, before, strict=True))


@pytest.mark.parametrize("size", [1e160, 1e-160, 1e-170, 1e-300])
def test_the_norms_of_float64(size):
    X = torch.randn(5, 4, dtype=torch.float64)
    for norm in (fanion.norms.frobenius(), fanion.norms.row_norm(), fanion.norms.f_muon(0.3)):
        assert norm.value(X * size).item() == pytest.approx(size * norm.value(X).item(), rel=1e-13)
        assert (norm.lmo(X * size) - norm.lmo(X)).norm() <= 1e-13
