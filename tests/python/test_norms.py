"""What makes a rule the LMO of a norm, on random matrices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fanion
from fanion import norms

# Those whose value is known, in their exact form; k = 2 needs min(m, n) ≥ 2.
NORMS = [
    "frobenius",
    "spectral",
    "nuclear:svd=dense",
    "ky_fan_dual:k=2,svd=dense",
    "max_entry",
    "f-muon:alpha=0.3,polar=exact",
    "f-neon:alpha=0.6,svd=dense",
    "f-fanion:k=2,alpha=0.5,svd=dense",
]
# Float64 and a gauge bisected to 1e-12.
CLOSE = 1e-9


@st.composite
def matrices(draw):
    m, n = draw(st.integers(2, 9)), draw(st.integers(2, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    M = torch.randn(m, n, generator=generator, dtype=torch.float64)
    if draw(st.booleans()):  # rank one
        M = M[:, :1] @ M[:1, :]
    return M * 10.0 ** draw(st.integers(-8, 8))


norm_names = st.sampled_from(NORMS)
few = settings(max_examples=60, deadline=None)


@few
@given(matrices(), norm_names)
def test_lmo_attains_the_dual_in_the_unit_ball(M, norm):
    D = norms.lmo(M, norm)
    dual = norms.dual(M, norm)
    assert norms.value(D, norm) <= 1 + CLOSE
    assert abs(torch.sum(M * D) + dual) <= CLOSE * dual


@few
@given(matrices(), st.integers(0, 2**31), norm_names)
def test_hoelder(M, seed, norm):
    X = torch.randn(M.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert torch.sum(M * X).abs() <= norms.dual(M, norm) * norms.value(X, norm) * (1 + CLOSE)


@few
@given(matrices(), norm_names, st.floats(1e-6, 1e6))
def test_norms_are_homogeneous_and_lmos_are_not(M, norm, scale):
    for f in (norms.value, norms.dual):
        assert abs(f(scale * M, norm) - scale * f(M, norm)) <= CLOSE * scale * f(M, norm)
    product, scaled = (torch.sum(norms.lmo(X, norm) * M) for X in (M, scale * M))
    assert abs(scaled - product) <= CLOSE * abs(product)


@few
@given(matrices(), matrices(), norm_names)
def test_triangle_inequality(M, other, norm):
    N = torch.zeros_like(M)
    rows, cols = min(M.shape[0], other.shape[0]), min(M.shape[1], other.shape[1])
    N[:rows, :cols] = other[:rows, :cols]
    for f in (norms.value, norms.dual):
        assert f(M + N, norm) <= (f(M, norm) + f(N, norm)) * (1 + CLOSE)


@few
@given(
    st.sampled_from([info.name for info in fanion.norms.rules()]),
    st.integers(1, 9),
    st.floats(0, 1),
    st.sampled_from(["auto", "dense", "lanczos", "subspace"]),
    st.floats(0.001, 10),
)
def test_canonical_names_are_fixed_points(name, k, alpha, svd, weight):
    keys = next(info.keys for info in norms.rules() if info.name == name)
    values = {"k": k, "p": k, "alpha": alpha, "svd": svd}
    taken = {key.split("=")[0] for key in keys.split(", ")}
    options = ",".join(f"{key}={value}" for key, value in values.items() if key in taken)
    rule = f"{name}:{options}" if options else name
    for text in (rule, f"{weight}*{rule} + 0.5*signum"):
        canonical = torch.ops.fanion.canonical_rule(text)
        assert torch.ops.fanion.canonical_rule(canonical) == canonical
        if k <= 4:
            M = torch.randn(5, 4, generator=torch.Generator().manual_seed(k))
            assert torch.equal(norms.lmo(M, text), norms.lmo(M, canonical))


def test_rules_are_described():
    rules = norms.rules()
    assert {"muon", "neon", "fanion", "f-muon", "f-neon", "f-fanion", "d-fanion", "nsgd", "signum"} <= {
        info.name for info in rules
    }
    assert next(info for info in rules if info.name == "fanion").keys.startswith("k, ")
    assert all(info.summary for info in rules)


@pytest.mark.parametrize("norm", NORMS)
def test_zero(norm):
    Z = torch.zeros(4, 5)
    assert torch.equal(norms.lmo(Z, norm), Z)
    assert norms.value(Z, norm) == norms.dual(Z, norm) == 0


def test_dtypes():
    for dtype, result in [(torch.float64, torch.float64), (torch.bfloat16, torch.float32)]:
        M = torch.ones(2, 3, dtype=dtype)
        assert {norms.lmo(M, "nsgd").dtype, norms.dual(M, "nsgd").dtype, norms.value(M, "nsgd").dtype} == {result}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norms.lmo(torch.ones(2, 2), "frob"), "unknown rule 'frob'; choose one of: frobenius, spectral"),
        (lambda: norms.lmo(torch.ones(2, 2), "fanion"), "rule 'fanion' needs k, for example 'fanion:k=4'"),
        (lambda: norms.lmo(torch.ones(2, 2), "muon:k=3"), "rule 'muon' has no option 'k'; it takes: eps, ns_coef"),
        (lambda: norms.lmo(torch.ones(2, 2), "fanion:k=3"), "k = 3 is out of range: a 2 x 2 matrix has 1 to 2"),
        (lambda: norms.lmo(torch.ones(2), "nsgd"), r"2-dimensional tensor, got \[2\]"),
        (lambda: norms.lmo(torch.ones(2, 2, dtype=torch.int64), "nsgd"), "floating-point tensor, got Long"),
        (lambda: norms.value(torch.ones(2, 2), "d-fanion:k=1"), "is a rule but no norm: it has no value and no dual"),
        (lambda: norms.dual(torch.ones(2, 2), "f-muon:alpha=1.5"), "is a rule but no norm"),
        (
            lambda: norms.value(torch.ones(2, 2), "0.5*nuclear + 0.5*schatten:p=3"),
            "no projection onto the unit ball of schatten",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
