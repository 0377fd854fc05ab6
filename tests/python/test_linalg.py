"""The binding of topk_svd, newton_schulz and polar; tests/cpp has the tests of the algorithms."""

import math
from pathlib import Path

import pytest
import torch

import fanion


def with_spectrum(m, n, sigma, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    r = len(sigma)
    U = torch.linalg.qr(torch.randn(m, r, generator=generator, dtype=torch.float64)).Q
    V = torch.linalg.qr(torch.randn(n, r, generator=generator, dtype=torch.float64)).Q
    return (U * torch.as_tensor(sigma, dtype=torch.float64) @ V.T).to(dtype)


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


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (3, 12, 9)])
def test_newton_schulz(shape):
    M = torch.randn(shape)
    copy = M.clone()
    X = fanion.newton_schulz(M)
    assert torch.equal(M, copy)
    assert X.shape == M.shape
    relative = torch.linalg.svdvals(M) / torch.linalg.matrix_norm(M)[..., None]
    sigma = torch.linalg.svdvals(X)
    # The stated bounds, for singular values above 1.6e-3·‖M‖_F; 1e-3 for rounding.
    assert (sigma <= 1.211).all()
    assert (sigma[relative > 1.6e-3] >= 0.679).all()
    exact = fanion.newton_schulz(M.double(), coefficients=(2.0, -1.5, 0.5), steps=30)
    U, _, Vh = torch.linalg.svd(M.double(), full_matrices=False)
    torch.testing.assert_close(exact, U @ Vh, rtol=0, atol=1e-9)


def test_newton_schulz_dtype_and_eps():
    M = torch.randn(8, 12)
    assert fanion.newton_schulz(M).dtype == torch.float32
    assert fanion.newton_schulz(M, dtype=torch.bfloat16).dtype == torch.bfloat16
    # 1e-3: a product's rounding of a scaled matrix, through five steps of slope up to 3.4 each.
    torch.testing.assert_close(fanion.newton_schulz(1e-20 * M), fanion.newton_schulz(M), rtol=0, atol=1e-3)
    assert fanion.newton_schulz(1e-20 * M, eps=1e-7).abs().max() < 1e-8
    assert torch.equal(fanion.newton_schulz(torch.zeros(3, 4)), torch.zeros(3, 4))


@pytest.mark.parametrize(
    ("M", "options", "message"),
    [
        (torch.ones(3), {}, r"takes \(m, n\) or \(b, m, n\), got \[3\]"),
        (torch.ones(3, 3, dtype=torch.int64), {}, "takes a floating-point matrix, got Long"),
        (torch.ones(3, 3), {"steps": 0}, "steps = 0 must be at least 1"),
        (torch.ones(3, 3), {"eps": -1.0}, "eps = -1 must not be negative"),
        (
            torch.ones(3, 3),
            {"coefficients": (1.0, 2.0)},
            r"coefficients needs \(a, b, c\) or a sequence of such, got \[1.0, 2.0\]",
        ),
        (
            torch.ones(3, 3),
            {"coefficients": [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]},
            r"needs \(a, b, c\) or a sequence of such, got \(1.0, 2",
        ),
        (torch.ones(3, 3), {"coefficients": []}, r"needs \(a, b, c\) or a sequence of such, got \[\]"),
        (torch.ones(3, 3), {"coefficients": [(1, 0, 0)] * 3, "steps": 5}, "3 coefficient triples for 5 steps"),
        (torch.ones(3, 3), {"coefficients": "best"}, "unknown Newton–Schulz coefficients 'best'; choose one of: quin"),
        (torch.ones(3, 3), {"coefficients": "you", "steps": 6}, "'you' has 5 steps, not 6"),
        (torch.ones(3, 3), {"coefficients": "you", "steps": 0}, "steps = 0 must be at least 1"),
        (torch.ones(3, 3), {"form": "fast"}, "unknown form of Newton–Schulz 'fast'; choose one of: auto, direct, gram"),
        (
            torch.ones(3, 3),
            {"coefficients": [(8, -22, 15)] * 2, "form": "gram", "dtype": torch.bfloat16},
            "would restart after every one of these 2 steps",
        ),
        (torch.ones(3, 3), {"dtype": torch.int32}, "dtype = Int must be a floating-point one"),
    ],
)
def test_newton_schulz_errors(M, options, message):
    with pytest.raises(ValueError, match=message):
        fanion.newton_schulz(M, **options)


# Name, own steps, where singular values above the third number, relative to ‖M‖_F, come out: coefficient_sets.h.
SETS = [
    ("quintic", 5, 1.6e-3, 0.68, 1.21),
    ("you", 5, 3e-3, 0.977, 1.146),
    ("polar-express", 8, 1e-3, 1, 1),
    ("polar-express-1.02", 5, 1e-3, 0.858, 1.142),
    ("polar-express-1.05", 5, 1e-3, 0.729, 1.124),
    ("cans", 5, 1e-3, 0.884, 1.12),
    ("aol", 4, 0.012, 0.962, 1.085),
    ("deepseek-v4", 10, 3e-5, 1, 1.0021),
    ("cubic5", 5, 7e-3, 0.774, 1.3),
    ("cubic", 21, 1e-3, 1, 1),
    ("classic-quintic", 14, 1e-3, 1, 1),
    ("cubic-damped", 12, 1e-3, 1, 1.002),
]


@pytest.mark.parametrize(("name", "steps", "above", "low", "high"), SETS)
@pytest.mark.parametrize("form", ["direct", "gram"])
def test_named_coefficients(name, steps, above, low, high, form):
    M = with_spectrum(30, 80, torch.logspace(0, math.log10(2 * above) + 0.4, 30))
    sigma = torch.linalg.svdvals(M) / torch.linalg.matrix_norm(M)
    assert sigma.min() >= above
    assert sigma.max() < 0.85  # where `aol` ends
    X = fanion.newton_schulz(M, coefficients=name, form=form)
    out = torch.linalg.svdvals(X)
    # 1e-5 is `cubic-damped`'s distance from 1; rounding in float64 is well below it in either form.
    assert low - 2e-5 <= out.min() and out.max() <= high + 2e-5
    assert torch.equal(X, fanion.newton_schulz(M, coefficients=name, steps=steps, form=form))


def test_coefficients_can_be_named_or_written_out():
    M = torch.randn(12, 20, dtype=torch.float64)
    default = fanion.newton_schulz(M)
    quintic = (3.4445, -4.775, 2.0315)
    assert torch.equal(default, fanion.newton_schulz(M, coefficients="quintic"))
    assert torch.equal(default, fanion.newton_schulz(M, coefficients=quintic))
    assert torch.equal(default, fanion.newton_schulz(M, coefficients=list(quintic), steps=5))
    assert torch.equal(default, fanion.newton_schulz(M, coefficients=[quintic] * 5))
    paper = fanion.polar_express_coefficients(safety=1.01)
    assert len(paper) == 8
    express = fanion.newton_schulz(M, coefficients="polar-express")
    assert torch.equal(express, fanion.newton_schulz(M, coefficients=paper))
    first = fanion.newton_schulz(M, coefficients="polar-express", steps=3)
    assert torch.equal(first, fanion.newton_schulz(M, coefficients=paper[:3]))
    assert not torch.equal(first, express)


def test_polar_express_coefficients():
    # arXiv 2505.16932, the first step of the listing.
    assert fanion.polar_express_coefficients(steps=1)[0] == pytest.approx(
        (8.28721201814563, -23.595886519098837, 17.300387312530933), rel=1e-13
    )
    with pytest.raises(ValueError, match=r"lower = 2 must lie in \(0, 1\]"):
        fanion.polar_express_coefficients(lower=2.0)


def test_rules_take_named_coefficients_and_the_gram_form():
    M = torch.randn(12, 40)
    for options, rule in [
        ({"coefficients": "you"}, "muon:ns_coefficients=you"),
        ({"coefficients": "polar-express", "steps": 5}, "muon:ns_coefficients=polar-express,ns_steps=5"),
        ({"form": "gram"}, "muon:ns_form=gram"),
    ]:
        assert torch.equal(fanion.norms.norm_from_name(rule).lmo(M), -fanion.newton_schulz(M, **options))
    W = torch.nn.Parameter(torch.zeros(12, 40))
    W.grad = M.clone()
    fanion.Muon([W], lr=1.0, momentum=0.0, nesterov=False, ns_coefficients="polar-express").step()
    torch.testing.assert_close(W.detach(), -fanion.newton_schulz(M, coefficients="polar-express", steps=5))


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (25, 25), (3, 12, 9), (1, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_polar(shape, dtype):
    M = torch.randn(shape).to(dtype)
    copy = M.clone()
    Q, report = fanion.polar_with_report(M)
    assert torch.equal(M, copy)
    assert torch.equal(Q, fanion.polar(M))
    assert Q.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    U, S, Vh = torch.linalg.svd(M.double(), full_matrices=False)
    condition = (torch.linalg.matrix_norm(M.double()) / S[..., -1]).max()
    eps = torch.finfo(Q.dtype).eps
    # The factor is as well determined as the smallest singular value; 10 for some twenty products.
    assert (Q - U @ Vh).abs().max() <= 10 * eps * condition
    assert (torch.linalg.svdvals(Q) - 1).abs().max() <= 20 * eps
    assert report.status == "converged"
    assert report.isometry_error <= 10 * eps * min(shape[-2:])
    assert (report.rank == min(shape[-2:])).all() and report.rank.shape == shape[:-2]
    assert (report.snaps, report.qr_iterations) == (0, 2)


def test_every_method_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "solvers.md").read_text()
    for method in fanion.linalg.SVD_METHODS:
        assert f'"{method}"' in fanion.topk_svd.__doc__
        assert f'"{method}"' in text or f"`{method}`" in text


def test_polar_of_less_than_full_rank():
    M = with_spectrum(40, 25, torch.tensor([3.0, 2.0, 1.0]))
    U, _, Vh = torch.linalg.svd(M)
    Q, report = fanion.polar_with_report(M)
    torch.testing.assert_close(Q, U[:, :3] @ Vh[:3], rtol=0, atol=1e-13)
    assert (report.rank.item(), report.status) == (3, "converged")
    small = with_spectrum(40, 25, torch.tensor([3.0, 2.0, 1e-3]))
    assert fanion.polar_with_report(small)[1].rank == 3
    assert fanion.polar_with_report(small, tol=0.1)[1].rank == 2  # 1e-3/‖M‖_F is below tol/100
    assert torch.equal(fanion.polar(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))


@pytest.mark.parametrize(
    ("M", "options", "message"),
    [
        (torch.ones(3), {}, r"polar takes \(m, n\) or \(b, m, n\), got \[3\]"),
        (torch.ones(3, 3, dtype=torch.int64), {}, "takes a floating-point matrix, got Long"),
        (torch.ones(0, 3), {}, r"takes a matrix with entries, got \[0, 3\]"),
        (torch.full((2, 2), float("inf")), {}, "4 NaN or infinite entries out of 4"),
        (torch.ones(3, 3), {"tol": 1.0}, "tol = 1 must be 0 or lie in"),
    ],
)
def test_polar_errors(M, options, message):
    with pytest.raises(ValueError, match=message):
        fanion.polar(M, **options)
