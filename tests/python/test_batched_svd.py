"""topk_svd of a batch (b, m, n); tests/cpp/linalg/batched_svd_test.cpp has the tests of the algorithm."""

import pytest
import torch
from matrices import decaying

import fanion


@pytest.mark.parametrize("method", ["auto", "dense", "lanczos", "block_krylov", "subspace"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_batch(dtype, method):
    A = torch.stack([decaying(30, 40, seed) * 10.0**seed for seed in range(5)]).to(dtype)
    for given in (A, A.mT, A[::2]):
        b, m, n = given.shape
        # 60 passes shrink the error by (σ₈/σ₃)¹²⁰ = 1e-58; float32 has some 10 eps = 1e-6 left after any method.
        options = {"criterion": "passes", "passes": 60} if method == "subspace" else {"criterion": "residual"}
        tol = 1e-6 if dtype == torch.float64 else 1e-5
        U, S, V, reports = fanion.topk_svd(given, 3, method=method, tol=tol, **options)
        assert (U.shape, S.shape, V.shape) == ((b, m, 3), (b, 3), (b, n, 3))
        assert [report.status for report in reports] == ["passes" if method == "subspace" else "converged"] * b
        for i in range(b):
            exact = given[i].double()
            sigma = torch.linalg.svdvals(exact)
            allowed = (tol + 100 * torch.finfo(S.dtype).eps) * sigma[0]
            assert (S[i].double() - sigma[:3]).abs().max() <= allowed
            assert (exact @ V[i].double() - U[i].double() * S[i]).norm(dim=0).max() <= allowed
            assert (exact.mT @ U[i].double() - V[i].double() * S[i]).norm(dim=0).max() <= allowed
            assert reports[i].residuals.shape == ((0,) if method == "subspace" else (3,))


def test_batch_options_and_edges():
    A = torch.stack([decaying(30, 40, seed) for seed in range(4)])
    exact = fanion.topk_svd(A, 3)  # dense, so far better than its tol
    one_pass = {"method": "subspace", "criterion": "passes", "passes": 1, "oversample": 0}
    warm = fanion.topk_svd(A, 3, warm_start=exact[2], **one_pass)[1]
    cold = fanion.topk_svd(A, 3, **one_pass)[1]
    assert (warm - exact[1]).abs().max() < 1e-10 < 1e-4 < (cold - exact[1]).abs().max()
    U, S, V, reports = fanion.topk_svd(torch.empty(0, 5, 4), 2)
    assert (U.shape, S.shape, V.shape, reports) == ((0, 5, 2), (0, 2), (0, 4, 2), [])
    assert len(fanion.topk_svd(A[:1], 3)[3]) == 1
    torch.testing.assert_close(fanion.topk_svd(A.numpy(), 3)[1], exact[1])
    spoiled = A.clone()
    spoiled[2, 3, 4] = float("inf")
    with pytest.raises(ValueError, match="matrix 2 of the batch has 1 NaN or infinite entries out of 1200"):
        fanion.topk_svd(spoiled, 3)
    with pytest.raises(ValueError, match=r"warm_start has shape \[40, 3\]; expected \(4, 40, j\)"):
        fanion.topk_svd(A, 3, warm_start=exact[2][0])
