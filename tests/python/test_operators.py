"""Operators given by Python functions, and composed; tests/cpp has the tests of the composites by themselves."""

import gc
import sys
import threading
import weakref

import hypothesis
import hypothesis.strategies as st
import pytest
import torch

import fanion
from fanion import _callbacks
from fanion.linalg import SVD_METHODS, LinearOperator, aslinearoperator, low_rank, row_blocks


def by_functions(A):
    return LinearOperator(tuple(A.shape), matmat=lambda X: A @ X, rmatmat=lambda X: A.mT @ X, dtype=A.dtype)


def normal(m, n, seed=1, dtype=torch.float64):
    return torch.randn(m, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def decaying(m, n, seed=1, dtype=torch.float64):
    U, _, Vh = torch.linalg.svd(normal(m, n, seed), full_matrices=False)
    return (U * 0.8 ** torch.arange(min(m, n)) @ Vh).to(dtype)


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


class UnexpectedError(Exception):
    pass


class Urgent(BaseException):
    pass


def raising(error, *arguments):
    def product(X):
        raise error(*arguments)  # a new one each time: an exception keeps its frames

    return product


A8 = normal(8, 6, 12)


def forward(X):
    return A8 @ X


def adjoint(X):
    return A8.mT @ X


def spoiled(X):
    Y = A8 @ X
    Y[:3, 0] = float("inf")
    return Y


@pytest.mark.parametrize(
    ("matmat", "rmatmat", "error", "message"),
    [
        (raising(UnexpectedError, "what I said"), adjoint, UnexpectedError, "^what I said$"),
        (forward, raising(UnexpectedError, "what I said"), UnexpectedError, "^what I said$"),
        (raising(KeyError, "name"), adjoint, KeyError, "name"),
        (raising(Urgent, "stop"), adjoint, Urgent, "^stop$"),
        (raising(KeyboardInterrupt), adjoint, KeyboardInterrupt, "^$"),
        (adjoint, adjoint, RuntimeError, "cannot be multiplied"),  # torch's own
        (lambda X: X, adjoint, ValueError, r"the product A V has shape \[6, \d\]; expected \(8, b\)"),
        (forward, lambda X: X, ValueError, r"the product Aᵀ U has shape \[8, \d\]; expected \(6, b\)"),
        (lambda X: forward(X)[:, 0], adjoint, ValueError, r"A V has shape \[8\]; expected \(8, b\)"),
        (lambda X: forward(X).repeat(1, 2), adjoint, ValueError, r"A V has \d+ columns; V has \d"),
        (lambda X: forward(X).float(), adjoint, ValueError, "A V is float on cpu; expected double on cpu"),
        (lambda X: forward(X).to("meta"), adjoint, ValueError, "A V is double on meta; expected double on cpu"),
        (lambda X: forward(X).to_sparse(), adjoint, ValueError, "A V has layout Sparse; expected Strided"),
        (spoiled, adjoint, ValueError, r"the product A V has 3 NaN or infinite entries out of \d+"),
        (forward, lambda X: adjoint(X) * float("nan"), ValueError, r"the product Aᵀ U has \d+ NaN or infinite"),
        (lambda X: forward(X).numpy(), adjoint, TypeError, "A V must be a torch.Tensor, got ndarray"),
        (forward, lambda X: None, TypeError, "Aᵀ U must be a torch.Tensor, got NoneType"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda A: A, lambda A: 2 * A + torch.ones(8, 6).double(), lambda A: A.T])
def test_errors_of_functions_come_out_and_leak_nothing(matmat, rmatmat, error, message, wrap):
    def own_matmat(X):
        return matmat(X)

    def own_rmatmat(X):
        return rmatmat(X)

    counts = sys.getrefcount(own_matmat), sys.getrefcount(own_rmatmat)
    for _ in range(3):
        made = LinearOperator((8, 6), matmat=own_matmat, rmatmat=own_rmatmat, dtype=torch.float64)
        operator = wrap(made)
        with pytest.raises(error, match=message):
            fanion.topk_svd(operator, 2, method="lanczos")
        # The operator is as usable as before.
        assert operator.shape in ((8, 6), (6, 8))
    del made, operator
    gc.collect()  # pytest's record of the exception holds its frames in a cycle
    assert (sys.getrefcount(own_matmat), sys.getrefcount(own_rmatmat)) == counts
    assert len(_callbacks._callees) == 0


def identities(n, dtype):
    """Operators for the identity, or its first rows, whose functions return what they were given or a view of it."""
    given = LinearOperator((n, n), matmat=lambda X: X, rmatmat=lambda X: X, dtype=dtype)
    one_side = LinearOperator((n, n), matmat=lambda X: X.clone(), rmatmat=lambda X: X, dtype=dtype)
    rows = LinearOperator(
        (n // 2, n), matmat=lambda X: X[: n // 2], rmatmat=lambda X: torch.cat([X, torch.zeros_like(X)]), dtype=dtype
    )
    cases = {"given": given, "one side": one_side, "rows": rows, "transpose": given.T, "product": given @ given}
    return cases | {"sum": given + given, "columns": rows.T, "blocks": row_blocks([given, rows])}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["given", "one side", "rows", "transpose", "product", "sum", "columns", "blocks"])
def test_functions_may_return_what_they_were_given(name, dtype):
    operator, eps = identities(40, dtype)[name], torch.finfo(dtype).eps
    A = operator.to_dense().double()
    for method in SVD_METHODS:
        U, S, V, report = fanion.topk_svd(operator, 3, method=method, criterion="residual", tol=1e-3, passes=20)
        U, S, V = U.double(), S.double(), V.double()
        residuals = torch.maximum((A @ V - U * S).norm(dim=0), (A.mT @ U - V * S).norm(dim=0))
        assert (residuals <= report.residuals + 1e-12).all(), method
        for Q in (U, V):
            assert (Q.mT @ Q - torch.eye(3, dtype=torch.float64)).abs().max() < 100 * eps, method
        if method == "lanczos":
            assert report.status == "converged"
    X = torch.randn(A.shape[1], 2, dtype=dtype)
    before = X.clone()
    operator.matmat(X).zero_()
    assert torch.equal(X, before)


def test_expanded_results_are_products():
    row = normal(1, 30)
    operator = LinearOperator(
        (40, 30),
        matmat=lambda X: (row @ X).expand(40, -1),
        rmatmat=lambda Y: row.mT @ Y.sum(0, keepdim=True),
        dtype=torch.float64,
    )
    for method in ("lanczos", "block_krylov", "subspace"):
        S, report = fanion.topk_svd(operator, 1, method=method, criterion="residual", tol=1e-6, passes=20)[1::2]
        assert report.status == "converged"
        torch.testing.assert_close(S[0], row.norm() * 40**0.5)


def test_scipy_operators_may_return_what_they_were_given():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    n = 30
    both = linalg.LinearOperator((n, n), matvec=lambda x: x, rmatvec=lambda x: x, matmat=lambda X: X, dtype="float64")
    for given in (both, linalg.aslinearoperator(torch.eye(n, dtype=torch.float64).numpy()) @ both):
        U, S, V, report = fanion.topk_svd(given, 2, method="lanczos", criterion="residual", tol=1e-6)
        assert report.status == "converged"
        torch.testing.assert_close(S, torch.ones(2, dtype=torch.float64))
        torch.testing.assert_close(U, V)


def test_nothing_is_kept_after_success():
    def product(X):
        return A8 @ X

    before = sys.getrefcount(product)
    operator = LinearOperator((8, 6), matmat=product, rmatmat=adjoint, dtype=torch.float64)
    tree = row_blocks([operator, 2 * operator, A8]).T
    gone = weakref.ref(operator)
    del operator
    assert gone() is not None, "a composite keeps its parts alive"
    torch.testing.assert_close(fanion.topk_svd(tree, 2)[1], 6**0.5 * torch.linalg.svdvals(A8)[:2])
    del tree
    assert gone() is None, "no cycle holds it"
    assert sys.getrefcount(product) == before
    assert len(_callbacks._callees) == 0


def test_no_gradient_reaches_the_functions():
    W = torch.nn.Parameter(torch.randn(8, 6))
    seen = []

    def product(X):
        seen.append(torch.is_grad_enabled())
        return W @ X

    operator = LinearOperator((8, 6), matmat=product, rmatmat=lambda X: W.mT @ X)
    assert not any(t.requires_grad for t in fanion.topk_svd(operator, 2)[:3])
    assert not operator.matmat(torch.ones(6, 1)).requires_grad
    assert seen and not any(seen)


def test_a_function_may_call_topk_svd_and_threads_may_run_at_once():
    inner = by_functions(A8)

    def product(X):
        U, S, V, _ = fanion.topk_svd(inner, 6)
        return (U * S) @ (V.mT @ X)

    outer = LinearOperator((8, 6), matmat=product, rmatmat=adjoint, dtype=torch.float64)
    results = {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: fanion.topk_svd(outer, 3)[1]})) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for S in results.values():
        torch.testing.assert_close(S, torch.linalg.svdvals(A8)[:3])


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
