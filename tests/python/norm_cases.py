"""Norms and matrices for the tests of norms, and what they share."""

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

from fanion import norms

# Those whose value has an exact form, with exact LMOs; k = 2 needs min(m, n) ≥ 2.
UNITARILY_INVARIANT = {
    "frobenius": norms.frobenius(),
    "spectral": norms.spectral(),
    "rms_to_rms": norms.rms_to_rms(),
    "nuclear": norms.nuclear(),
    "ky_fan_dual": norms.ky_fan_dual(2),
    "ky_fan": norms.ky_fan(2),
    "f_star_rms": norms.f_star_rms(),
    "f_star_sum": norms.f_star_sum(),
    "schatten 1.5": norms.schatten(1.5),
    "schatten 4": norms.schatten(4),
    "f_muon": norms.f_muon(0.3),
    "f_neon": norms.f_neon(0.6),
    "f_fanion": norms.f_fanion(2, 0.5),
    "three parts": norms.dual_sum([(0.5, norms.spectral()), (0.2, norms.nuclear()), (0.3, norms.ky_fan_dual(2))]),
}
ENTRYWISE = {
    "max_entry": norms.max_entry(),
    "scaled_max_entry": norms.scaled_max_entry(2),
    "entry_sum": norms.entry_sum(),
    "row_norm": norms.row_norm(),
    "col_norm": norms.col_norm(),
    "f_max_entry": norms.dual_sum([(0.5, norms.max_entry()), (0.5, norms.frobenius())]),
}
NORMS = UNITARILY_INVARIANT | ENTRYWISE
NO_PROJECTION = {"schatten 1.5", "schatten 4", "three parts"}
CLOSE = 1e-9  # float64


@st.composite
def matrices(draw, shape=None, power=8):
    """Normal, of rank one, with equal singular values, or with equal and zero entries; scaled by 10^±power at most."""
    m, n = shape or (draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    M = torch.randn(m, n, generator=generator, dtype=torch.float64)
    match draw(st.sampled_from(["normal", "rank one", "orthogonal", "ties"])):
        case "rank one":
            M = M[:, :1] @ M[:1, :]
        case "orthogonal":
            U, _, Vh = torch.linalg.svd(M, full_matrices=False)
            M = U @ Vh
        case "ties":
            M = M.round()
            M[0, 0] += M.abs().sum() == 0
    return M * 10.0 ** draw(st.integers(-power, power))


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inner(A, B):
    return torch.sum(A * B)


seeds = st.integers(0, 2**31)
few = settings(max_examples=25, deadline=None)
each_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
