"""What makes a norm a norm, and its LMO, prox and projection what they say, on random matrices."""

import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

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


@each_norm
@few
@given(M=matrices())
def test_lmo_attains_the_dual_in_the_unit_ball(norm, M):
    D, dual = norm.lmo(M), norm.dual(M)
    assert norm.value(D) <= 1 + CLOSE
    assert abs(inner(M, D) + dual) <= CLOSE * dual


@each_norm
@few
@given(M=matrices(), seed=seeds)
def test_hoelder(norm, M, seed):
    X = normal(seed, *M.shape)
    assert inner(M, X).abs() <= norm.dual(M) * norm.value(X) * (1 + CLOSE)


@each_norm
@few
@given(M=matrices(), scale=st.floats(1e-6, 1e6))
def test_norms_are_homogeneous_and_lmos_are_not(norm, M, scale):
    for f in (norm.value, norm.dual):
        assert abs(f(-scale * M) - scale * f(M)) <= CLOSE * scale * f(M)
    product, scaled = (inner(norm.lmo(X), M) for X in (M, scale * M))
    assert abs(scaled - product) <= CLOSE * abs(product)


@each_norm
@few
@given(M=matrices(), seed=seeds)
def test_triangle_inequality(norm, M, seed):
    N = normal(seed, *M.shape) * M.abs().max()
    for f in (norm.value, norm.dual):
        assert f(M + N) <= (f(M) + f(N)) * (1 + CLOSE)


def separated(norm, Y, steps=400):
    """R with ⟨R, Y⟩ > ‖R‖†, which shows that Y is outside the unit ball; the LMO gives the points of the ball.

    Fully corrective Frank–Wolfe: R is what the nearest point of the convex hull of the points so far leaves of Y.
    """
    points = [norm.lmo(-Y).flatten()]
    heavy = 1e3 * Y.norm()  # makes the weights of nnls sum to 1
    for _ in range(steps):
        A = torch.stack([torch.cat([p, heavy[None]]) for p in points], dim=1)
        weights, _ = nnls(A.numpy(), torch.cat([Y.flatten(), heavy[None]]).numpy())
        R = Y - (A[:-1] @ torch.from_numpy(weights)).view_as(Y)
        if inner(R, Y) > norm.dual(R):
            return R
        points.append(norm.lmo(-R).flatten())
    raise AssertionError("no hyperplane separates Y from the unit ball")


@each_norm
@settings(max_examples=5, deadline=None)
@given(X=matrices(shape=(2, 3), power=0))
def test_dual_of_the_dual(norm, X):
    # Whatever is 1e-3 outside the unit ball is separated from it by some M: ‖X‖ ≤ 1.001·max_M ⟨M, X⟩/‖M‖†. For the
    # same, least favourable, M Hölder's inequality must hold.
    X = X / norm.value(X)
    M = separated(norm, 1.001 * X)
    assert inner(M, X) > norm.dual(M) / 1.001
    assert inner(M, X) <= norm.dual(M) * (1 + CLOSE)


@pytest.mark.parametrize("norm", UNITARILY_INVARIANT.values(), ids=UNITARILY_INVARIANT)
@few
@given(X=matrices(), seed=seeds)
def test_unitary_invariance(norm, X, seed):
    Q, P = (torch.linalg.qr(normal(seed + i, size, size)).Q for i, size in enumerate(X.shape))
    for f in (norm.value, norm.dual):
        assert abs(f(Q @ X @ P) - f(X)) <= CLOSE * f(X)


@pytest.mark.parametrize("norm", ENTRYWISE.values(), ids=ENTRYWISE)
@few
@given(X=matrices(), seed=seeds)
def test_invariance_under_signs_and_permutations(norm, X, seed):
    rows, columns = (normal(seed + i, size).argsort() for i, size in enumerate(X.shape))
    Y = (X * normal(seed, *X.shape).sign())[rows][:, columns]
    for f in (norm.value, norm.dual):
        assert abs(f(Y) - f(X)) <= CLOSE * f(X)


@each_norm
@few
@given(M=matrices(power=2), lam=st.floats(0.01, 100))
def test_prox_reaches_the_minimum(norm, M, lam):
    # The conjugate of ‖·‖²/2 is ‖·‖†²/2, so the minimum is −‖M‖†²/(2λ).
    X = norm.prox(M, lam)
    minimum = -(norm.dual(M) ** 2) / (2 * lam)
    assert abs(inner(M, X) + lam / 2 * norm.value(X) ** 2 - minimum) <= CLOSE * abs(minimum)


@each_norm
@settings(max_examples=3, deadline=None)
@given(M=matrices(power=0), lam=st.floats(0.1, 10), seed=seeds)
def test_prox_beats_perturbations(norm, M, lam, seed):
    X = norm.prox(M, lam)
    sizes = X.norm() * 10.0 ** torch.linspace(-4, 0, 1000, dtype=torch.float64)
    perturbed = X + sizes[:, None, None] * torch.nn.functional.normalize(normal(seed, 1000, *M.shape), dim=(1, 2))
    objectives = (perturbed * M).sum((1, 2)) + lam / 2 * norm.value(perturbed) ** 2
    minimum = inner(M, X) + lam / 2 * norm.value(X) ** 2
    assert (objectives >= minimum - CLOSE * abs(minimum)).all()


@pytest.mark.parametrize("norm", [NORMS[name] for name in sorted(NORMS.keys() - NO_PROJECTION)], ids=lambda n: n.name)
@few
@given(X=matrices(power=2))
def test_projection_is_the_nearest_point(norm, X):
    # P is nearest where it is in the ball and ⟨X − P, D − P⟩ ≤ 0 for every D in it, thus where ‖X − P‖† ≤ ⟨X − P, P⟩.
    P = norm.project(X)
    R = X - P
    assert norm.value(P) <= 1 + CLOSE
    assert norm.dual(R) <= inner(R, P) + CLOSE * X.norm() * P.norm()
    torch.testing.assert_close(norm.project(P), P, rtol=CLOSE, atol=CLOSE)
    inside = 0.9 * X / norm.value(X)
    assert torch.equal(norm.project(inside), inside)


@pytest.mark.parametrize("name", sorted(NO_PROJECTION))
def test_projections_that_are_not_known(name):
    with pytest.raises(ValueError, match=r"no projection onto the unit ball of .* is known"):
        NORMS[name].project(torch.ones(3, 4))


ITERATED = {
    "s_muon": norms.s_muon(0.5),
    "s_fanion": norms.s_fanion(2, 0.3, scale=2.0),
    "three parts": norms.dual_sum([(0.5, norms.spectral()), (1.5, norms.row_norm()), (0.1, norms.frobenius())]),
}


@pytest.mark.parametrize("norm", ITERATED.values(), ids=ITERATED)
@settings(max_examples=5, deadline=None)
@given(X=matrices(shape=(3, 4)), seed=seeds)
def test_sums_without_an_exact_form(norm, X, seed):
    lower, upper, iterations, converged = norm.gauge(X)
    assert (converged, iterations > 0) == (True, True)
    assert lower <= upper <= lower * (1 + 1e-6)
    assert norm.value(X).item() == pytest.approx(upper, rel=CLOSE)
    # An LMO is in the ball, and no M, not even the worst, gives more than the value.
    D, dual = norm.lmo(X), norm.dual(X)
    assert norm.gauge(D).lower <= 1 + CLOSE
    assert abs(inner(X, D) + dual) <= CLOSE * dual
    Y = 1.001 * X / upper
    M = separated(norm, Y)
    assert inner(M, X) <= norm.dual(M) * upper * (1 + CLOSE)
    N = normal(seed, *X.shape) * X.abs().max()
    assert norm.gauge(X + N).lower <= (upper + norm.gauge(N).upper) * (1 + CLOSE)


def test_gauges():
    X = normal(4, 3, 4)
    exact = norms.f_muon(0.5)
    assert exact.gauge(X) == (exact.value(X).item(), exact.value(X).item(), 0, True)
    assert norms.nuclear().gauge(X).upper == norms.nuclear().value(X).item()
    norm = ITERATED["s_muon"]
    rough = norm.gauge(X, tol=0.1)
    assert rough.lower <= norm.gauge(X).upper <= rough.upper * (1 + 1e-6)
    assert rough.iterations < norm.gauge(X).iterations
    lower, upper, iterations, converged = norm.gauge(X, max_iterations=2)
    assert (iterations, converged) == (2, False)
    assert 0 < lower < upper * (1 - 1e-6)
    one, two = norm.value(torch.stack([X, 2 * X])).tolist()
    assert (one, two) == pytest.approx((norm.value(X).item(), 2 * one), rel=2e-6)


@each_norm
@few
@given(X=matrices())
def test_rho(norm, X):
    assert norm.dual(X) <= norm.rho(*X.shape) * X.norm() * (1 + CLOSE)


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
        for Y in (norm.lmo(X), norm.direction(X).dense(), norm.prox(X, 1.0), norm.value(X), norm.dual(X)):
            assert (Y.dtype, Y.requires_grad) == (result, False)
        torch.testing.assert_close(norm.dual(X).double(), exact, rtol=tol, atol=0)
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
    assert all(info.summary for info in rules)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norms.norm_from_name("frob"), "unknown rule 'frob'; choose one of: frobenius, spectral"),
        (lambda: norms.norm_from_name(""), "unknown rule ''; choose one of: frobenius, spectral"),
        (lambda: norms.norm_from_name("fanion"), "rule 'fanion' needs k, for example 'fanion:k=4'"),
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
