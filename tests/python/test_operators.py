"""Operators given by Python functions, and composed; tests/cpp has the tests of the composites by themselves."""

import hypothesis
import hypothesis.strategies as st
import pytest
import torch
from matrices import by_functions, decaying, normal

import fanion
from fanion.linalg import SVD_METHODS, LinearOperator, aslinearoperator, low_rank, row_blocks

ZOO = {
    "random": lambda: normal(33, 29),
    "wide": lambda: normal(20, 60, 2),
    "tall": lambda: decaying(60, 20, 3),
    "low rank": lambda: normal(40, 3, 4) @ normal(3, 30, 5),
    "zero": lambda: torch.zeros(12, 9, dtype=torch.float64),
    "one row": lambda: normal(1, 9, 6),
    "one column": lambda: normal(9, 1, 7),
}
# name: (operator from A, formed matrix from A in float64), with A (m, n).
COMPOSITES = {
    "functions": (by_functions, lambda A: A),
    "transpose": (lambda A: by_functions(A).T, lambda A: A.mT),
    "twice transposed": (lambda A: by_functions(A).T.T, lambda A: A),
    "multiple": (lambda A: -2 * by_functions(A) * 1.5, lambda A: -3 * A),
    "sum": (lambda A: by_functions(A) + A.sin() - by_functions(A.cos()), lambda A: A + A.sin() - A.cos()),
    "tensor first": (lambda A: A.sin() - by_functions(A), lambda A: A.sin() - A),
    "negative": (lambda A: -by_functions(A), lambda A: -A),
    "product": (lambda A: by_functions(A).T @ aslinearoperator(A.cos()), lambda A: A.mT @ A.cos()),
    "sparse sum": (lambda A: A.relu().to_sparse() + by_functions(A), lambda A: A.relu() + A),
    "low rank": (
        lambda A: by_functions(A) - low_rank(A[:, :1].cos(), torch.full_like(A[0, :1], 0.5), A[:1].mT.cos()),
        lambda A: A - 0.5 * A[:, :1].cos() @ A[:1].cos(),
    ),
    "row blocks": (
        lambda A: row_blocks([A, by_functions(A.cos()[:1]), A.relu().to_sparse()]),
        lambda A: torch.cat([A, A.cos()[:1], A.relu()]),
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("matrix", ZOO)
@pytest.mark.parametrize("name", COMPOSITES)
def test_composites_are_the_formed_matrix(name, matrix, dtype):
    make, form = COMPOSITES[name]
    A = ZOO[matrix]().to(dtype)
    operator, formed = make(A), form(A.double())
    assert isinstance(operator, LinearOperator)
    assert (operator.shape, operator.dtype, operator.device) == (tuple(formed.shape), dtype, torch.device("cpu"))
    m, n = formed.shape
    X, Y = normal(n, 3, 8, dtype), normal(m, 3, 9, dtype)
    # Parts of norm up to √(mn), entries' cos among them; products have at most 60 terms.
    rounding = 100 * torch.finfo(dtype).eps * (1 + formed.norm() + (m * n) ** 0.5)
    for got, exact in (
        (operator.matmat(X), formed @ X.double()),
        (operator.rmatmat(Y), formed.mT @ Y.double()),
        (operator @ X, formed @ X.double()),
        (Y.mT @ operator, Y.double().mT @ formed),
        (operator @ X[:, 0], formed @ X[:, 0].double()),
        (Y[:, 0] @ operator, Y[:, 0].double() @ formed),
        (operator.to_dense(), formed),
    ):
        assert got.dtype == dtype and got.shape == exact.shape
        assert (got.double() - exact).norm() <= rounding * (X.norm() + Y.norm())

    k, tol = min(3, m, n), 1e-10 if dtype == torch.float64 else 1e-5
    U, S, V, report = fanion.topk_svd(operator, k, method="lanczos", criterion="residual", tol=tol)
    allowed = tol * torch.linalg.matrix_norm(formed, 2) + rounding
    assert report.method == "lanczos" and report.products > 0
    assert (S.double() - torch.linalg.svdvals(formed)[:k]).abs().max() <= allowed
    assert (formed @ V.double() - U.double() * S).norm(dim=0).max() <= allowed
    assert (formed.mT @ U.double() - V.double() * S).norm(dim=0).max() <= allowed


@hypothesis.given(
    m=st.integers(1, 20),
    n=st.integers(1, 20),
    seed=st.integers(0, 2**32),
    name=st.sampled_from(sorted(COMPOSITES)),
    wide=st.booleans(),
)
@hypothesis.settings(deadline=None, max_examples=150)
def test_adjoint_identity(m, n, seed, name, wide):
    dtype = torch.float64 if wide else torch.float32
    A = normal(m, n, seed, dtype)
    operator = COMPOSITES[name][0](A)
    V, U = normal(operator.shape[1], 2, seed + 1, dtype), normal(operator.shape[0], 2, seed + 2, dtype)
    AV, AtU = operator.matmat(V).double(), operator.rmatmat(U).double()
    # Products of at most 41 terms and two factors; the parts' norms are at most those of A and of √(mn) cosines.
    size = (1 + A.double().norm() + (m * n) ** 0.5) ** 2 * U.double().norm() * V.double().norm()
    assert abs((AV * U.double()).sum() - (V.double() * AtU).sum()) <= 100 * torch.finfo(dtype).eps * size


@pytest.mark.parametrize("method", SVD_METHODS)
def test_every_method_takes_an_operator(method):
    A = decaying(300, 260)
    S, V, report = fanion.topk_svd(by_functions(A), 3, method=method, criterion="residual", tol=1e-8)[1:]
    assert report.status == "converged"
    torch.testing.assert_close(S, torch.linalg.svdvals(A)[:3], rtol=1e-7, atol=0)
    assert report.method == (method if method != "auto" else "block_krylov")
    one_pass = {"method": "subspace", "criterion": "passes", "passes": 1, "oversample": 0}
    warm = fanion.topk_svd(by_functions(A), 3, warm_start=V, **one_pass)[1]
    cold = fanion.topk_svd(by_functions(A), 3, **one_pass)[1]
    assert (warm - S).abs().max() < 0.01 * (cold - S).abs().max()


A8 = normal(8, 6, 12)


def forward(X):
    return A8 @ X


def adjoint(X):
    return A8.mT @ X


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda A: A + A.T, ValueError, "term 1 of a sum is 6 x 8 double on cpu; term 0 is 8 x 6 double on cpu"),
        (lambda A: A @ A, ValueError, "A is 8 x 6 double on cpu, B is 8 x 6 double on cpu"),
        (lambda A: row_blocks([A, A.T]), ValueError, "row block 1 is 6 x 8 double on cpu; row block 0 is 8 x 6"),
        (lambda A: row_blocks([]), ValueError, "needs at least one operator"),
        (lambda A: A + torch.ones(8, 6), ValueError, "term 1 of a sum is 8 x 6 float on cpu; term 0 is 8 x 6 double"),
        (lambda A: A * A, TypeError, "unsupported operand"),
        (lambda A: A * torch.ones(3), TypeError, "unsupported operand"),
        (lambda A: float("nan") * A, ValueError, "weight 0 of a sum is nan; it must be finite"),
        (lambda A: A + 1, TypeError, "a matrix is a tensor, a NumPy array, a SciPy sparse matrix .*, got int"),
        (lambda A: A @ torch.ones(5, 2).double(), ValueError, r"given to A has shape \[5, 2\]; expected \(6, b\)"),
        (lambda A: A.rmatmat(torch.ones(8, 2)), ValueError, "given to Aᵀ is float on cpu; expected double on cpu"),
        (lambda A: aslinearoperator(torch.full((2, 3), float("nan"))), ValueError, "the matrix has 6 NaN or infinite"),
        (lambda A: aslinearoperator(torch.ones(2, 3, 4)), ValueError, "a matrix needs 2 dimensions, got 3"),
        (lambda A: low_rank(A8, A8[:, 0], A8), ValueError, r"have shapes \[8, 6\], \[8\] and \[8, 6\]"),
        (lambda A: fanion.topk_svd(A, 7), ValueError, "k = 7 is out of range: a 8 x 6 matrix has 1 to 6"),
        (lambda A: fanion.topk_svd(A, 2, method="fast"), ValueError, "unknown SVD method 'fast'"),
        (lambda A: LinearOperator((8, 6), matmat=1, rmatmat=adjoint), TypeError, "matmat must be callable, got int"),
        (lambda A: LinearOperator((8,), matmat=forward, rmatmat=adjoint), ValueError, r"\(rows, columns\), got \(8,\)"),
        (
            lambda A: LinearOperator((8, 6), matmat=forward, rmatmat=adjoint, dtype=torch.bfloat16),
            ValueError,
            "float32 or float64, got BFloat16",
        ),
        (lambda A: LinearOperator((0, 6), matmat=forward, rmatmat=adjoint), ValueError, "at least one row"),
    ],
)
def test_composition_errors(make, error, message):
    operator = LinearOperator((8, 6), matmat=forward, rmatmat=adjoint, dtype=torch.float64)
    with pytest.raises(error, match=message):
        make(operator)


def test_repr_names_shape_and_dtype():
    assert repr(by_functions(A8)) == "<8 x 6 LinearOperator, torch.float64 on cpu>"
