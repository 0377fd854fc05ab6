"""Polar factors: exact, by Newton–Schulz with its named coefficients, and what rules take of them."""

import math

import pytest
import torch
from matrices import with_spectrum

import fanion


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
