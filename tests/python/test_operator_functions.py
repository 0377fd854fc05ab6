"""What the functions of an operator may do: raise, return their input, call back, and be forgotten."""

import gc
import sys
import threading
import weakref

import pytest
import torch
from matrices import by_functions, normal

import fanion
from fanion import _callbacks
from fanion.linalg import SVD_METHODS, LinearOperator, row_blocks


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
