"""The measures and matrices of benchmarks/topk_svd against the obvious ones on formed matrices."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the benchmark of the top-k SVD needs the extra `bench`")

from benchmarks.topk_svd import matrices, tuning
from benchmarks.topk_svd.contestant import Contestant, Problem, falling, rising
from benchmarks.topk_svd.errors import Triplets, lmo_gap, orthonormality_error, rank_k_error


def truncated(A, k):
    U, S, Vh = np.linalg.svd(A.astype(np.float64), full_matrices=False)
    return Triplets(U[:, :k], S[:k], Vh[:k].T)


def perturbed(exact, size, seed=0):
    random = np.random.default_rng(seed)
    U, V = (np.linalg.qr(X + size * random.standard_normal(X.shape))[0] for X in (exact.U, exact.V))
    # QR may flip a column; U and V together must not.
    U, V = U * np.sign(np.sum(U * exact.U, axis=0)), V * np.sign(np.sum(V * exact.V, axis=0))
    return Triplets(U, exact.S * (1 + size), V)


@pytest.fixture(name="A")
def gaussian():
    return np.random.default_rng(1).standard_normal((40, 30)).astype(np.float32)


@pytest.mark.parametrize("size", [0.0, 1e-6, 1e-3, 0.3])
def test_rank_k_error_is_that_of_formed_matrices(A, size):
    exact = truncated(A, 5)
    found = perturbed(exact, size)
    formed = (found.U * found.S) @ found.V.T - (exact.U * exact.S) @ exact.V.T
    # 1e-8: √eps, what the inner products lose.
    expected = np.linalg.norm(formed) / np.linalg.norm(exact.S)
    assert rank_k_error(found, exact) == pytest.approx(expected, rel=1e-6, abs=5e-8)


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.3])
def test_lmo_gap_is_that_of_formed_matrices(A, size):
    exact = truncated(A, 5)
    found = perturbed(exact, size)
    expected = 1 - np.sum(A.astype(np.float64) * (found.U @ found.V.T)) / np.sum(exact.S)
    # 1e-6: A·V is taken in float32.
    assert lmo_gap(A, found, exact) == pytest.approx(expected, abs=1e-6)


def test_lmo_gap_gains_nothing_by_leaving_the_ball(A):
    exact = truncated(A, 5)
    assert lmo_gap(A, exact._replace(U=2 * exact.U), exact) == pytest.approx(0, abs=1e-6)


def test_orthonormality_error():
    eye = np.eye(6, 3)
    assert orthonormality_error(Triplets(eye, np.ones(3), eye)) == 0
    assert orthonormality_error(Triplets(eye, np.ones(3), 1.1 * eye)) == pytest.approx(0.21)


@pytest.mark.parametrize(
    "name", ["power-1:30x20", "geometric-0.9:20x30", "power-0.5:25x25", "gaussian:30x20", "gaussian:20x30"]
)
def test_exact_triplets_are_those_of_the_matrix(name, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.topk_svd.cache.FOLDER", tmp_path)
    matrix = matrices.load(name)
    # Made of float32 operations, six reflections of entries of at most 1.
    assert rank_k_error(truncated(matrix.C, 4), matrix.exact(4)) < 1e-5


@pytest.mark.parametrize("name", ["gaussian", "gaussian:3", "flat:3x3"])
def test_unknown_matrices_are_refused(name):
    with pytest.raises(ValueError, match="no matrix is called"):
        matrices.load(name)


def test_efforts():
    assert falling(1.0, 0.01, per_decade=1) == [1.0, 0.1, 0.01]
    assert rising(12) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert rising(400) == sorted(set(rising(400)))


class Graded(Contestant):
    """Accurate from an effort on that depends on the variant; an effort takes a second."""

    name = "graded"
    knob = "effort"

    def __init__(self, **needed):
        self.needed = needed
        self.now = 0.0

    def efforts(self, problem):
        return rising(60)

    def variants(self, problem):
        return [{"kind": kind} for kind in self.needed]

    def run(self, inputs, problem, settings, seed):
        self.now += settings["effort"]
        exact = inputs.matrix.exact(problem.k)
        return exact if settings["effort"] >= self.needed[settings["kind"]] else exact._replace(S=2 * exact.S)


@pytest.mark.parametrize(
    ("needed", "limit", "status", "settings"),
    [
        ({"poor": 24, "good": 6}, 1e9, "tuned", {"kind": "good", "effort": 6}),
        ({"good": 7, "poor": 24}, 1e9, "tuned", {"kind": "good", "effort": 7}),
        ({"bad": 100}, 1e9, "failed", None),
        ({"slow": 50}, 20.0, "slow", None),
    ],
)
def test_tuning_finds_the_fastest_that_is_accurate(monkeypatch, needed, limit, status, settings):
    class Inputs:
        matrix = matrices.load("power-1:30x20")

    who = Graded(**needed)
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: who.now)
    found = tuning.Search(who, Inputs(), Problem("power-1:30x20", 2, "rank_k"), [0, 1], 1e9, limit).run()
    assert found.status == status
    if settings:
        assert found.settings == settings and found.seconds == settings["effort"] and found.error < 1e-6
