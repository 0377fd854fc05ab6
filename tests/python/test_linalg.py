"""The binding of topk_svd, newton_schulz and polar; tests/cpp has the tests of the algorithms."""

from pathlib import Path

import pytest
import torch
from matrices import with_spectrum

import fanion

MATRICES = {
    "gaussian": lambda: torch.randn(60, 90, dtype=torch.float64),
    "tall": lambda: with_spectrum(300, 40, torch.linspace(3, 1, 40)),
    "wide": lambda: with_spectrum(40, 300, torch.linspace(3, 1, 40)),
    "graded": lambda: with_spectrum(50, 50, torch.logspace(0, -12, 50)),
    "clustered": lambda: with_spectrum(80, 70, torch.cat([torch.full((8,), 2.0), torch.ones(40)])),
    "low rank": lambda: with_spectrum(70, 80, torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])),
    "large": lambda: with_spectrum(400, 500, torch.linspace(2, 0.1, 400)),
    "transposed": lambda: torch.randn(90, 60, dtype=torch.float64).t(),
}


@pytest.mark.parametrize("method", ["auto", "dense", "lanczos", "block_krylov"])
@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_against_torch(name, method, dtype):
    A, k = MATRICES[name]().to(dtype), 4
    tol = 1e-6 if dtype == torch.float64 else 1e-5  # LAPACK itself leaves about 10 eps = 1e-6 in float32
    U, S, V, report = fanion.topk_svd(A, k, method=method, criterion="residual", tol=tol)
    assert (U.shape, S.shape, V.shape) == ((A.shape[0], k), (k,), (A.shape[1], k))
    assert U.dtype == S.dtype == V.dtype == dtype
    exact = torch.linalg.svdvals(A.double())
    # What was asked for, tol·σ₁, plus rounding of products of length n.
    tolerance = exact[0] * (tol + 10 * torch.finfo(dtype).eps * max(A.shape) ** 0.5)
    assert (S.double() - exact[:k]).abs().max() <= tolerance
    right = torch.linalg.vector_norm(A.double() @ V.double() - U.double() * S, dim=0)
    left = torch.linalg.vector_norm(A.double().T @ U.double() - V.double() * S, dim=0)
    assert torch.maximum(right, left).max() <= tolerance
    for Q in (U.double(), V.double()):
        assert (Q.T @ Q - torch.eye(k)).abs().max() <= 100 * torch.finfo(dtype).eps
    assert report.status == "converged"
    assert report.method in (("dense", "block_krylov") if method == "auto" else (method,))
    assert report.residuals.shape == (k,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("criterion", ["residual", "rank_k", "lmo_gap"])
def test_mixed_precision_keeps_the_promise(criterion, dtype):
    A, k, tol = with_spectrum(500, 400, 0.8 ** torch.arange(60.0), dtype), 4, 1e-2
    U, S, V, report = fanion.topk_svd(A, k, criterion=criterion, tol=tol, precision="mixed", method="block_krylov")
    assert report.status == "converged" and "mixed precision" in report.message
    exact_U, exact_S, exact_Vh = torch.linalg.svd(A.double())
    best = exact_U[:, :k] * exact_S[:k] @ exact_Vh[:k]
    assert torch.linalg.norm((U * S @ V.T).double() - best) <= report.rank_k * torch.linalg.norm(best)
    assert 1 - S.double().sum() / exact_S[:k].sum() <= report.lmo_gap
    assert U.dtype == S.dtype == V.dtype == dtype


def test_empty_cache_gives_back_what_is_kept():
    A = torch.randn(2500, 2500, generator=torch.Generator().manual_seed(1))
    before = fanion.topk_svd(A, 1, criterion="passes", passes=3, precision="mixed", method="lanczos")
    assert fanion.linalg.empty_cache() >= A.numel() * 2, "the float16 copy"
    assert fanion.linalg.empty_cache() == 0
    after = fanion.topk_svd(A, 1, criterion="passes", passes=3, precision="mixed", method="lanczos")
    assert torch.equal(before[2], after[2])


def test_bytes_are_refined():
    A = with_spectrum(500, 400, 0.9 ** torch.arange(100.0), torch.float32)
    rough, refined = (
        fanion.topk_svd(A, 1, criterion="passes", passes=40, precision="int8", method=method)
        for method in ("subspace", "block_krylov")
    )
    _, exact_S, exact_Vh = torch.linalg.svd(A.double())
    errors = [
        torch.linalg.norm(V[:, 0].double() * torch.sign(V[:, 0].double() @ exact_Vh[0]) - exact_Vh[0])
        for _, _, V, _ in (rough, refined)
    ]
    assert errors[0] > 1e-3 > 1e-5 > errors[1], errors
    assert "refined" in refined[3].message and "refined" not in rough[3].message
    torch.testing.assert_close(refined[1].double(), exact_S[:1], atol=0, rtol=1e-6)


def test_a_sampled_start_saves_a_pass():
    A = with_spectrum(500, 400, 0.85 ** torch.arange(100.0), torch.float32)
    exact = torch.linalg.svdvals(A.double())[:3].sum()
    fixed = {"method": "block_krylov", "criterion": "passes", "passes": 1}
    gaps = {}
    for start in ("auto", "sampled", "random"):
        _, S, _, report = fanion.topk_svd(A, 3, **fixed, start=start)
        gaps[start] = 1 - S.double().sum() / exact
        assert report.bounds == "proved" and report.upper is not None
    assert gaps["auto"] == gaps["sampled"] < gaps["random"] / 10
    with pytest.raises(ValueError, match="start 'sampled' is for criterion 'passes'"):
        fanion.topk_svd(A, 3, start="sampled")
    with pytest.raises(ValueError, match="auto, random, sampled"):
        fanion.topk_svd(A, 3, start="first")


def test_mixed_precision_says_what_it_takes():
    A = torch.randn(60, 50)
    with pytest.raises(ValueError, match="choose precision 'full'"):
        fanion.topk_svd(A.bfloat16(), 2, precision="mixed")
    with pytest.raises(ValueError, match="'int8' takes a float32 matrix on the CPU"):
        fanion.topk_svd(A.double(), 2, precision="int8")
    with pytest.raises(ValueError, match="full, mixed, bfloat16, int8"):
        fanion.topk_svd(A, 2, precision="half")


def test_subspace_and_its_warm_start():
    A = with_spectrum(60, 80, 0.5 ** torch.arange(20.0), torch.float32)
    fixed = {"method": "subspace", "criterion": "passes"}
    _, S, V, report = fanion.topk_svd(A, 3, passes=6, **fixed)
    # Nine passes shrink the error by (σ₈/σ₃)⁴ = 1e-6 each: only rounding is left after six.
    torch.testing.assert_close(S, torch.linalg.svdvals(A)[:3], rtol=1e-5, atol=0)
    assert (report.status, report.method, report.residuals.numel()) == ("passes", "subspace", 0)
    assert report.reads == 12  # six times A·V and Aᵀ·U
    cold = fanion.topk_svd(A, 3, passes=1, oversample=0, **fixed)[1]
    warm = fanion.topk_svd(A, 3, passes=1, oversample=0, warm_start=V, **fixed)[1]
    exact = torch.linalg.svdvals(A)[:3]
    assert (warm - exact).abs().max() < 0.01 * (cold - exact).abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(dtype):
    A = torch.randn(30, 40).to(dtype)
    S = fanion.topk_svd(A, 3)[1]
    assert S.dtype == torch.float32
    torch.testing.assert_close(S, torch.linalg.svdvals(A.float())[:3], rtol=1e-5, atol=0)


@pytest.mark.parametrize("method", ["dense", "lanczos", "subspace"])
def test_same_input_same_result_and_no_global_generator(method):
    A = torch.randn(300, 310)
    before = torch.get_rng_state()
    first = fanion.topk_svd(A, 5, method=method)
    second = fanion.topk_svd(A, 5, method=method)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(first[:3], second[:3], strict=True):
        assert torch.equal(a, b)


def test_generator_is_used():
    A = torch.randn(300, 310)
    runs = [
        fanion.topk_svd(A, 5, method="subspace", passes=1, generator=torch.Generator().manual_seed(s))[1]
        for s in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_zero_matrix():
    for method in ("dense", "lanczos", "subspace"):
        U, S, V, _ = fanion.topk_svd(torch.zeros(30, 20), 2, method=method)
        assert torch.equal(S, torch.zeros(2))
        assert all(Q.isfinite().all() for Q in (U, V))


def test_no_gradient_flows():
    A = torch.randn(6, 8, requires_grad=True)
    with torch.no_grad():
        results = [*fanion.topk_svd(A, 2)[:3], fanion.newton_schulz(A), fanion.polar(A)]
    assert not any(t.requires_grad for t in results)


def test_report_is_frozen():
    report = fanion.topk_svd(torch.randn(6, 8), 2)[3]
    with pytest.raises(AttributeError):
        report.status = "perfect"


@pytest.mark.parametrize(
    ("A", "options", "message"),
    [
        (torch.ones(6, 8), {"k": 0}, "k = 0 is out of range: a 6 x 8 matrix has 1 to 6"),
        (torch.ones(6, 8), {"k": 7}, "k = 7 is out of range"),
        (torch.ones(6, 8), {"k": 2, "method": "fast"}, "unknown SVD method 'fast'; choose one of: auto, block_krylov"),
        (torch.ones(6, 8), {"k": 2, "tol": 0.0}, r"tol = 0 must lie in \(0, 1\)"),
        (torch.ones(6, 8), {"k": 2, "passes": 0}, "passes = 0 must be at least 1"),
        (torch.ones(6, 8), {"k": 2, "warm_start": torch.ones(6, 2)}, r"shape \[6, 2\]; expected \(8, j\)"),
        (torch.full((6, 8), float("nan")), {"k": 2}, "48 NaN or infinite entries out of 48"),
        (torch.ones(6), {"k": 1}, "a matrix needs 2 dimensions, got 1"),
        (torch.ones(6, 8, dtype=torch.int64), {"k": 1}, "Long"),
    ],
)
def test_topk_svd_errors(A, options, message):
    with pytest.raises(ValueError, match=message):
        fanion.topk_svd(A, **options)


def test_every_method_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "solvers.md").read_text()
    for method in fanion.linalg.SVD_METHODS:
        assert f'"{method}"' in fanion.topk_svd.__doc__
        assert f'"{method}"' in text or f"`{method}`" in text
