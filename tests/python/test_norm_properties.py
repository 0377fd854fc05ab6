"""What makes a norm a norm, and its LMO, prox and projection what they say, on random matrices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from norm_cases import (
    CLOSE,
    ENTRYWISE,
    NO_PROJECTION,
    NORMS,
    UNITARILY_INVARIANT,
    each_norm,
    few,
    inner,
    matrices,
    normal,
    seeds,
)
from scipy.optimize import nnls

from fanion import norms


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
