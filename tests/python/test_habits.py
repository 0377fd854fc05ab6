"""What users of SciPy, scikit-learn and torch write by habit: it works, or the error says what to write."""

import numpy as np
import pytest
import torch

import fanion
from fanion.linalg import SvdResult


def matrix(dtype=torch.float64):
    return torch.randn(40, 30, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("which", "SM", 'which="LM" is what it does: the k largest triplets'),
        ("which", "LM", 'which="LM" is what it does'),
        ("largest", False, "the smallest of a small matrix are in torch.linalg.svd"),
        ("seed", 3, "generator=3 is a seed"),
        ("random_state", 3, "generator=3 is a seed"),
        ("rng", 3, "generator=3 is a seed"),
        ("n_iter", 4, 'criterion="passes", passes=n_iter + 1'),
        ("niter", 4, 'criterion="passes", passes=n_iter + 1'),
        ("return_singular_vectors", False, 'vectors="none", "u", "v" or "both"'),
        ("compute_uv", False, 'vectors="none"'),
        ("n_components", 2, "k, the second argument"),
        ("v0", None, "warm_start=V"),
        ("solver", "arpack", 'method="auto", "dense"'),
        ("full_matrices", False, "leave it out"),
        ("center", True, "fanion.decomposition.PCA"),
        ("toll", 1e-3, "did you mean 'tol'?"),
    ],
)
def test_arguments_of_others(key, value, hint):
    with pytest.raises(TypeError) as error:
        fanion.topk_svd(matrix(), 2, **{key: value})
    assert str(error.value).startswith(f"topk_svd takes no argument {key!r} (") and hint in str(error.value)
    assert "it takes: A, k, method, criterion, tol," in str(error.value) and "unknown" not in str(error.value)


def test_three_values():
    with pytest.raises(ValueError, match=r"four values: U, S, V, report = topk_svd\(A, k\), and V, whose transpose"):
        U, S, _ = fanion.topk_svd(matrix(), 2)
    result = fanion.topk_svd(matrix(), 2)
    with pytest.raises(ValueError, match="four values"):
        U, S, _ = result
    U, S, V, report = result
    assert U is result.U and S is result[1] and V is result.V and report is result.report
    assert [x is y for x, y in zip(result, list(result), strict=True)] == [True] * 4
    *_, last = result
    (first, *_) = result
    assert last is report and first is U and isinstance(result, SvdResult)


def test_vectors():
    U, S, V, _ = fanion.topk_svd(matrix(), 3)
    shapes = {"both": (3, 3), "u": (3, 0), "v": (0, 3), "none": (0, 0)}
    for vectors, (u, v) in shapes.items():
        got = fanion.topk_svd(matrix(), 3, vectors=vectors)
        assert got.U.shape == (40, u) and got.V.shape == (30, v)
        assert torch.equal(got.S, S) and torch.equal(got.U, U[:, :u]) and torch.equal(got.V, V[:, :v])
    batch = fanion.topk_svd(torch.stack([matrix(), matrix()]), 3, vectors="none")
    assert batch.U.shape == (2, 40, 0) and batch.V.shape == (2, 30, 0) and batch.S.shape == (2, 3)
    with pytest.raises(ValueError, match="vectors = False; choose one of: none, u, v, both"):
        fanion.topk_svd(matrix(), 3, vectors=False)


def test_a_number_is_a_seed():
    fixed = {"method": "subspace", "criterion": "passes", "passes": 1}
    for seed in (3, np.int64(3)):
        got = fanion.topk_svd(matrix(), 2, generator=seed, **fixed)
        assert torch.equal(got.S, fanion.topk_svd(matrix(), 2, generator=torch.Generator().manual_seed(3), **fixed).S)
    assert not torch.equal(got.S, fanion.topk_svd(matrix(), 2, generator=4, **fixed).S)
    for other in (True, "3", np.random.default_rng(3), np.random.RandomState(3)):
        with pytest.raises(TypeError, match=r"must be a seed \(an int\), a torch.Generator or None"):
            fanion.topk_svd(matrix(), 2, generator=other)


NORM = fanion.norms.spectral()
WITH_A_GRADIENT = {
    "topk_svd": lambda W: fanion.topk_svd(W, 2),
    "newton_schulz": fanion.newton_schulz,
    "polar": fanion.polar,
    "polar_with_report": lambda W: fanion.polar_with_report(M=W),
    "aslinearoperator": fanion.linalg.aslinearoperator,
    "low_rank": lambda W: fanion.linalg.low_rank(W, torch.ones(30, dtype=W.dtype), W),
    "LinearOperator.matmat": lambda W: fanion.linalg.aslinearoperator(matrix()).matmat(W[:30]),
    "LinearOperator.rmatmat": lambda W: fanion.linalg.aslinearoperator(matrix()).rmatmat(W),
    "Norm.value": NORM.value,
    "Norm.dual": NORM.dual,
    "Norm.lmo": NORM.lmo,
    "Norm.gauge": NORM.gauge,
    "Norm.prox": lambda W: NORM.prox(W, 1.0),
    "Norm.project": NORM.project,
    "Norm.direction": NORM.direction,
}


@pytest.mark.parametrize("name", WITH_A_GRADIENT)
def test_a_gradient_is_refused_and_not_lost(name):
    W, call = torch.nn.Parameter(matrix()), WITH_A_GRADIENT[name]
    message = f"{name} was given a tensor that requires a gradient, and none flows through: pass it with .detach()"
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        call(W)
    call(W.detach())
    with torch.no_grad():
        call(W)


def test_complex_matrices_are_named():
    scipy = pytest.importorskip("scipy.sparse")
    for given in (torch.ones(4, 4, dtype=torch.complex64), np.ones((4, 4), dtype=complex), scipy.eye_array(4) * 1j):
        with pytest.raises(ValueError, match=r"got (torch\.)?complex.*\[\[Re A, -Im A\], \[Im A, Re A\]\] has each"):
            fanion.topk_svd(given, 1)
    C = torch.randn(6, 5, dtype=torch.complex128)
    S = fanion.topk_svd(torch.cat([torch.cat([C.real, -C.imag], 1), torch.cat([C.imag, C.real], 1)]), 4).S
    torch.testing.assert_close(S[::2], torch.linalg.svdvals(C)[:2])
    torch.testing.assert_close(S[1::2], torch.linalg.svdvals(C)[:2])


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_maps(tmp_path, mode):
    matrix().numpy().tofile(tmp_path / "A.bin")
    mapped = np.memmap(tmp_path / "A.bin", dtype="float64", mode=mode, shape=(40, 30))
    assert torch.equal(fanion.topk_svd(mapped, 2).S, fanion.topk_svd(matrix(), 2).S)
    operator = fanion.linalg.aslinearoperator(mapped)
    if mode != "r":
        mapped[0, 0] = 100  # it is read where it lies, not copied
        assert operator.to_dense()[0, 0] == 100
