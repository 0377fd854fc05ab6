"""Norms as objects: shapes, batches, dtypes, directions, names and bad input."""

import math
import pickle
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_cases import CLOSE, NO_PROJECTION, NORMS, each_norm, inner, normal

from fanion import norms


@pytest.mark.parametrize("shape", [(4, 5), (1, 1), (1, 6), (6, 1)])
@each_norm
def test_zero_and_shapes_of_one_row_or_column(norm, shape):
    if min(shape) == 1 and "k=2" in norm.name:
        with pytest.raises(ValueError, match=r"k = 2 is out of range: a . x . matrix (has|allows) 1 to 1"):
            norm.lmo(torch.ones(shape))
        return
    Z = torch.zeros(shape)
    assert torch.equal(norm.lmo(Z), Z)
    assert norm.value(Z) == norm.dual(Z) == 0
    M = normal(0, *shape)
    assert inner(M, norm.lmo(M)).item() == pytest.approx(-norm.dual(M).item(), rel=CLOSE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NORMS)
def test_batches_are_loops(name, dtype):
    norm = NORMS[name]
    batch = normal(3, 4, 5, 3).to(dtype).mT  # not contiguous
    calls = [norm.value, norm.dual, norm.lmo, lambda X: norm.prox(X, 0.7)]
    if name not in NO_PROJECTION:
        calls.append(norm.project)
    for call in calls:
        assert torch.equal(call(batch), torch.stack([call(X) for X in batch]))
        assert call(batch[:0]).shape == (0, *call(batch).shape[1:])
    for refused in (torch.full((3, 5), math.nan, dtype=dtype), torch.full((3, 5), math.inf, dtype=dtype)):
        for call in (*calls, norm.direction):
            with pytest.raises(ValueError, match="15 NaN or infinite"):
                call(refused)


@pytest.mark.parametrize("name", ["d-fanion:k=1", "f-muon:alpha=1.5", "muon"])
def test_rules_refuse_what_is_not_finite(name):
    rule = norms.rule_from_name(name)
    for bad in (math.nan, math.inf):
        M = normal(5, 3, 4)
        M[1, 2] = bad
        for dtype in (torch.float64, torch.bfloat16):
            with pytest.raises(ValueError, match="the matrix has 1 NaN or infinite entries out of 12"):
                rule.direction(M.to(dtype))


@each_norm
def test_dtypes_and_gradients(norm):
    M = normal(1, 3, 4)
    exact = norm.dual(M)
    for dtype, tol in [(torch.float64, 0), (torch.float32, 1e-6), (torch.bfloat16, 1e-2), (torch.float16, 1e-3)]:
        result = torch.float64 if dtype == torch.float64 else torch.float32
        X = M.to(dtype).requires_grad_()
        with torch.no_grad():  # outside it is refused
            found = norm.lmo(X), norm.direction(X).dense(), norm.prox(X, 1.0), norm.value(X), norm.dual(X)
        for Y in found:
            assert (Y.dtype, Y.requires_grad) == (result, False)
        torch.testing.assert_close(norm.dual(X.detach()).double(), exact, rtol=tol, atol=0)
        assert torch.equal(X, M.to(dtype)), "the input is never written to"


def test_directions_come_in_factors():
    M = normal(2, 6, 4)
    (term,) = norms.ky_fan_dual(2).direction(M).terms
    assert isinstance(term, norms.LowRank)
    assert (term.coef, term.U.shape, term.V.shape) == (-1, (6, 2), (4, 2))
    low_rank, scaled = norms.f_neon(0.25).direction(M).terms
    assert (low_rank.coef, scaled.coef) == (-0.25, -0.75)
    assert torch.equal(scaled.M, M)
    for norm in (norms.ky_fan_dual(2), norms.f_neon(0.25), norms.max_entry(), norms.norm_from_name("muon")):
        sum_of_terms = 0
        for t in norm.direction(M).terms:
            match t:
                case norms.LowRank():
                    sum_of_terms += t.coef * t.U @ t.V.T
                case norms.Scaled():
                    sum_of_terms += t.coef * t.scale * t.M
                case norms.Dense():
                    sum_of_terms += t.coef * t.D
                case norms.Residual():
                    assert (t.map, t.L, t.V, t.scale) == ("sign", None, None, None)
                    sum_of_terms += t.coef * t.M.sign()
        torch.testing.assert_close(norm.direction(M).dense(), sum_of_terms, check_dtype=False)
    low_rank, rest = norms.rule_from_name("d-fanion:k=1").direction(M).terms
    R = M - rest.L @ rest.V.T
    expected = low_rank.coef * low_rank.U @ low_rank.V.T + rest.coef * rest.scale * R.sign()
    torch.testing.assert_close(norms.rule_from_name("d-fanion:k=1").direction(M).dense(), expected)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([info.name for info in norms.rules()]),
    st.integers(1, 9),
    st.floats(0, 1),
    st.sampled_from(["auto", "dense", "lanczos", "subspace"]),
    st.floats(0.001, 10),
)
def test_canonical_names_are_fixed_points(name, k, alpha, svd, weight):
    keys = next(info.keys for info in norms.rules() if info.name == name)
    values = {"k": k, "alpha": alpha, "svd": svd, "p": 1 + 10 * weight}
    taken = {key.split("=")[0] for key in keys.split(", ")}
    options = ",".join(f"{key}={value}" for key, value in values.items() if key in taken)
    text = f"{name}:{options}" if options else name
    for given_text in (text, f"{weight}*{text} + 0.5*signum"):
        rule = norms.rule_from_name(given_text)
        again = norms.rule_from_name(rule.name)
        assert again == rule
        assert again.name == rule.name
        if k <= 4:
            M = torch.randn(5, 4, generator=torch.Generator().manual_seed(k))
            assert torch.equal(again.direction(M).dense(), norms.rule_from_name(given_text).direction(M).dense())


def test_norms_are_values():
    norm = norms.f_muon(0.5)
    for same in (
        norms.norm_from_name("f-muon:alpha=0.5,polar=exact"),
        norms.dual_sum([(0.5, norms.spectral()), (0.5, norms.frobenius())]),
        eval(repr(norm), {"Norm": norms.Norm}),
        pickle.loads(pickle.dumps(norm)),
    ):
        assert same == norm
        assert hash(same) == hash(norm)
    assert norm != norms.f_muon(0.25)
    assert norm != norms.norm_from_name("f-muon:alpha=0.5"), "that one's LMO is Newton-Schulz's"
    with pytest.raises(AttributeError):
        norm.name = "nuclear"
    nested = norms.dual_sum([(2, norm), (1, norms.max_entry())])
    assert nested.name == "1*spectral + 1*frobenius + 1*max_entry"


def test_rules_are_described():
    rules = norms.rules()
    assert {"muon", "neon", "fanion", "f-muon", "f-neon", "f-fanion", "d-fanion", "nsgd", "signum"} <= {
        info.name for info in rules
    }
    assert next(info for info in rules if info.name == "fanion").keys.startswith("k, ")
    for info in rules:
        assert info.summary
        assert info.use
        assert info.examples
        for text in info.examples:
            assert text.split(":")[0] == info.name
            made = norms.norm_from_name(text) if info.is_norm else norms.rule_from_name(text)
            made.direction(torch.ones(3, 3))
    rules_alone = ["sgd", "kernel-neon", "f-star-neon", "d-fanion", "dion"]
    assert [info.name for info in rules if not info.is_norm] == rules_alone


def test_no_norm_is_forgotten():
    guide = (Path(__file__).parents[2] / "docs" / "which-norm.md").read_text()
    for rule in norms.rules():
        for text in rule.examples if rule.is_norm else ():
            for part in norms.norm_from_name(text).name.split(" + "):
                name = part.split("*")[-1].split(":")[0]
                assert callable(getattr(norms, name, None)), f"{name} has no constructor in fanion.norms"
                assert name in norms.__all__
                assert re.search(rf"(^## .*|`)\b{name}\b", guide, re.MULTILINE), f"{name} is not in which-norm.md"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norms.norm_from_name("frob"), "unknown rule 'frob'; choose one of: "),
        (lambda: norms.norm_from_name(""), "unknown rule ''; choose one of: "),
        (lambda: norms.norm_from_name("fanion"), "rule 'fanion' needs k or rank_fraction, for example 'fanion:k=4'"),
        (lambda: norms.norm_from_name("muon:k=3"), "rule 'muon' has no option 'k'; it takes: eps, ns_coef"),
        (lambda: norms.norm_from_name("d-fanion:k=1"), "is a rule but no norm: it has no value and no dual"),
        (lambda: norms.norm_from_name("f-muon:alpha=1.5"), "is a rule but no norm"),
        (lambda: norms.ky_fan_dual(0), "k = 0 must be at least 1"),
        (lambda: norms.ky_fan_dual(2.5), "k must be an integer, got '2.5'"),
        (lambda: norms.nuclear(svd="qr"), "'qr'; choose one of: auto"),
        (lambda: norms.schatten(0.5), "p = 0.5 is out of range"),
        (lambda: norms.schatten(math.nan), "p must be a finite number or inf, got 'nan'"),
        (lambda: norms.ky_fan(0), "k = 0 must be at least 1"),
        (lambda: norms.scaled_max_entry(0), "k = 0 must be at least 1"),
        (lambda: norms.s_muon(0.5, scale=-1), "scale = -1 must be finite and not negative"),
        (lambda: norms.f_muon(1.5), r"alpha = 1.5 must lie in \[0, 1\]"),
        (lambda: norms.f_neon(float("nan")), r"alpha = nan must lie in \[0, 1\]"),
        (lambda: norms.dual_sum([]), "a dual_sum needs a part of positive weight"),
        (lambda: norms.dual_sum([(-1, norms.spectral())]), "finite weight >= 0 .*, got -1"),
        (lambda: norms.ky_fan_dual(3).lmo(torch.ones(2, 2)), "k = 3 is out of range: a 2 x 2 matrix has 1 to 2"),
        (lambda: norms.frobenius().value(torch.ones(2, 2, dtype=torch.int64)), "floating-point tensor, got Long"),
        (lambda: norms.spectral().prox(torch.ones(2, 2), 0), "lambda = 0 must be positive"),
        (lambda: norms.s_muon(0.5).gauge(torch.eye(2), tol=0), "tol"),
        (lambda: norms.s_muon(0.5).gauge(torch.eye(2), max_iterations=0), "max_iterations"),
        (lambda: norms.s_muon(0.5).gauge(torch.full((2, 2), math.nan)), "4 NaN or infinite"),
        (lambda: norms.s_muon(0.5).gauge(torch.ones(1, 2, 2)), "2-dimensional tensor"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("shape", [(), (2,), (2, 2, 2, 2)])
@each_norm
def test_other_shapes_are_refused(norm, shape):
    for call in (norm.value, norm.dual, norm.lmo):
        with pytest.raises(ValueError, match=r"2-dimensional tensor, got \["):
            call(torch.ones(shape))
