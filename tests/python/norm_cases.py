"""Norms and matrices for the tests of norms, and what they share."""

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

from fanion import norms

# The registry's norms by their examples, with k = 2, which needs min(m, n) ≥ 2; each once.
_EXAMPLES = {
    norms.norm_from_name(text.replace("k=3", "k=2")): text.replace("k=3", "k=2")
    for rule in reversed(norms.rules())
    if rule.is_norm
    for text in rule.examples
}
EXAMPLES = {text: norm for norm, text in reversed(_EXAMPLES.items())}
_SUMS = {
    "f_muon": norms.f_muon(0.3),
    "f_neon": norms.f_neon(0.6),
    "three parts": norms.dual_sum([(0.5, norms.spectral()), (0.2, norms.nuclear()), (0.3, norms.ky_fan_dual(2))]),
    "f_max_entry": norms.dual_sum([(0.5, norms.max_entry()), (0.5, norms.frobenius())]),
}


def _found_by_iteration(norm):
    X = torch.arange(12.0).view(3, 4).sin()
    return norm.gauge(X, max_iterations=1).iterations > 0


# Those whose value has an exact form.
NORMS = {name: norm for name, norm in (EXAMPLES | _SUMS).items() if not _found_by_iteration(norm)}
# What is not named here must be unitarily invariant.
_ENTRYWISE = {
    "max_entry",
    "scaled_max_entry",
    "scaled_max_entry:k=2",
    "entry_sum",
    "row_norm",
    "col_norm",
    "f_max_entry",
}
ENTRYWISE = {name: NORMS[name] for name in sorted(_ENTRYWISE)}
UNITARILY_INVARIANT = {name: norm for name, norm in NORMS.items() if name not in ENTRYWISE}
NO_PROJECTION = {"schatten:p=1.5", "schatten:p=4", "three parts"}
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
