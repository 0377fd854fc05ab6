"""Sparse tensors, and NumPy's and SciPy's matrices, where a matrix is asked for."""

import sys

import numpy as np
import pytest
import torch
from matrices import by_functions, normal

import fanion
from fanion.linalg import LinearOperator, aslinearoperator, low_rank


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:Sparse (CSR|CSC)")
def test_torch_sparse(layout, dtype):
    A = torch.where(normal(300, 250, 10) > 1.5, normal(300, 250, 11), 0.0).to(dtype)
    U, S, V, report = fanion.topk_svd(A.to_sparse(layout=layout), 4, criterion="residual", tol=1e-6)
    assert S.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(S.double(), torch.linalg.svdvals(A.double())[:4], rtol=1e-5, atol=0)
    assert (A.double() @ V.double() - U.double() * S).norm(dim=0).max() <= 2e-6 * S[0]
    assert report.method == "block_krylov"


def test_numpy_arrays_share_memory():
    A = np.random.default_rng(1).standard_normal((40, 30))
    frozen = A.copy()
    frozen.flags.writeable = False
    for given in (A, A.T, A[::-1], A[:, ::2], A.astype(np.float32), frozen):
        with_torch = fanion.topk_svd(torch.tensor(given.copy()), 3)[1]
        assert torch.allclose(fanion.topk_svd(given, 3)[1], with_torch, rtol=1e-5)
        assert torch.allclose(fanion.topk_svd(aslinearoperator(given).T, 3)[1], with_torch, rtol=1e-5)
    operator = aslinearoperator(A)
    A[:] = 0
    assert torch.equal(operator.to_dense(), torch.zeros(40, 30, dtype=torch.float64))
    block = np.ones((30, 2))
    assert torch.equal(operator @ block, torch.zeros(40, 2, dtype=torch.float64))


def test_numpy_numbers_and_arrays_compose():
    A = normal(6, 5)
    for made in (np.float64(2) * by_functions(A), by_functions(A) + A.numpy(), A.numpy() + by_functions(A)):
        assert isinstance(made, LinearOperator)
        torch.testing.assert_close(made.to_dense(), 2 * A)


@pytest.mark.parametrize(
    "kind", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "coo_array", "lil_array", "dok_array", "bsr_array"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scipy_sparse(kind, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    A = sparse.random_array((300, 250), density=0.05, rng=1, dtype=dtype)
    given = getattr(sparse, kind)(A)
    U, S, V, report = fanion.topk_svd(given, 3, criterion="residual", tol=1e-6)
    exact = np.linalg.svd(A.toarray().astype("float64"), compute_uv=False)[:3]
    np.testing.assert_allclose(S.numpy(), exact, rtol=1e-5)
    assert str(S.dtype) == f"torch.{dtype}" and U.shape == (300, 3) and V.shape == (250, 3)
    assert report.method == "block_krylov"


def test_scipy_duplicate_entries_are_added():
    sparse = pytest.importorskip("scipy.sparse")
    A = sparse.coo_array((np.array([1.0, 2.0, 5.0]), ([0, 0, 2], [1, 1, 0])), shape=(3, 4))
    np.testing.assert_array_equal(aslinearoperator(A).to_dense().numpy(), A.toarray())


def test_scipy_linear_operator():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    A = np.random.default_rng(2).standard_normal((300, 250))
    exact = torch.linalg.svdvals(torch.from_numpy(A))[:3]
    by_vectors = linalg.LinearOperator(A.shape, matvec=lambda x: A @ x, rmatvec=lambda y: A.T @ y, dtype=A.dtype)
    for given in (linalg.aslinearoperator(A), by_vectors):
        S, report = fanion.topk_svd(given, 3, criterion="residual", tol=1e-8)[1::2]
        torch.testing.assert_close(S, exact, rtol=1e-7, atol=0)
        assert report.method == "block_krylov"
    ones = torch.ones(300, 1, dtype=torch.float64)
    mixed = aslinearoperator(by_vectors) + low_rank(ones, -ones[0], ones[:250])
    torch.testing.assert_close(mixed.to_dense(), torch.from_numpy(A - 1))


def test_scipy_errors():
    sparse = pytest.importorskip("scipy.sparse")
    linalg = pytest.importorskip("scipy.sparse.linalg")
    with pytest.raises(ValueError, match="must be float32 or float64, got int64"):
        fanion.topk_svd(sparse.eye_array(4, dtype="int64"), 1)
    with pytest.raises(ValueError, match="must be float32 or float64, got complex128"):
        fanion.topk_svd(linalg.aslinearoperator(np.ones((4, 4), dtype=complex)), 1)
    with pytest.raises(ValueError, match="the sparse matrix has 4 NaN or infinite entries out of 4"):
        fanion.topk_svd(sparse.eye_array(4) * float("nan"), 1)
    with pytest.raises(ValueError, match="needs 2 dimensions, got 1"):
        fanion.topk_svd(sparse.coo_array([1.0, 2.0]), 1)
    with pytest.raises((NotImplementedError, TypeError)):  # SciPy's own, where an operator has no rmatvec
        fanion.topk_svd(linalg.LinearOperator((4, 4), matvec=lambda x: x, dtype="float64"), 1, method="lanczos")


def test_scipy_is_never_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)  # import scipy would raise
    for name in [n for n in sys.modules if n.startswith("scipy.")]:
        monkeypatch.delitem(sys.modules, name)
    assert fanion.topk_svd(np.eye(4), 2)[1].tolist() == [1, 1]
    with pytest.raises(TypeError, match="got list"):
        fanion.topk_svd([[1.0]], 1)
