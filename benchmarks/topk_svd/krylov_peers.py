"""The peers with Krylov and Davidson methods, with everything that each lets one set."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse.linalg
from typing_extensions import override

from benchmarks.topk_svd.contestant import Contestant, Problem, Settings, falling, near
from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.products import Inputs


class Svds(Contestant):
    """scipy.sparse.linalg.svds with one of its solvers."""

    knob = "tol"
    solver = ""

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return falling(3.16, 1e-4)  # svds squares it

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        random = np.random.default_rng(seed)
        # PROPACK starts on the left, ARPACK on the shorter side.
        size = problem.shape[0] if self.solver == "propack" else min(problem.shape)
        more = {"solver": self.solver, "v0": random.standard_normal(size, dtype=np.float32), **settings}
        if self.solver == "propack":
            more["rng"] = random
        U, S, Vh = scipy.sparse.linalg.svds(inputs.operator, problem.k, **more)
        return Triplets(U[:, ::-1], S[::-1], Vh[::-1].T)


class Arpack(Svds):
    """scipy.sparse.linalg.svds(solver="arpack"): restarted Lanczos on AᵀA with `ncv` vectors."""

    name = "SciPy ARPACK"
    solver = "arpack"

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        k, most = problem.k, min(problem.shape)
        sizes = {k + extra for extra in (4, 8, 16, 32, 64, 128)} | {2 * k + 1, 3 * k, 4 * k}
        return [{"ncv": ncv} for ncv in sorted(sizes) if k + 1 < ncv <= most]

    @override
    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        return [{"ncv": ncv} for ncv in near(best["ncv"], problem.k + 2, min(problem.shape))]


class Propack(Svds):
    """scipy.sparse.linalg.svds(solver="propack"): Golub–Kahan–Lanczos without restarts, up to `maxiter` steps."""

    name = "SciPy PROPACK"
    solver = "propack"

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        # Room only: it stops as soon as tol is met.
        return [{"maxiter": min(*problem.shape, 10 * problem.k + 1000)}]


class Primme(Contestant):
    """primme.svds: Davidson-type and block methods on AᵀA, on the augmented matrix, or on one after the other."""

    name = "PRIMME"
    knob = "tol"
    METHODS = (
        "PRIMME_DEFAULT_MIN_TIME",
        "PRIMME_DEFAULT_MIN_MATVECS",
        "PRIMME_DYNAMIC",
        "PRIMME_GD_Olsen_plusK",
        "PRIMME_Arnoldi",
        "PRIMME_JDQMR_ETol",
        "PRIMME_LOBPCG_OrthoBasis_Window",
    )

    @override
    def missing(self) -> str:
        if importlib.util.find_spec("primme") is None:
            return "not installed (pip install primme, which needs a LAPACK to link with: libopenblas-dev)"
        return ""

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return falling(1.0, 1e-5)

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        normal = [{"method": "primme_svds_normalequations", "methodStage1": stage} for stage in self.METHODS]
        return [
            *normal,
            {"method": "primme_svds_hybrid", "methodStage1": "PRIMME_DEFAULT_MIN_TIME"},
            {"method": "primme_svds_augmented", "methodStage1": "PRIMME_DEFAULT_MIN_TIME"},
        ]

    @override
    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        k, most = problem.k, min(problem.shape)
        bases = [{"ncv": ncv} for ncv in sorted({k + 16, 2 * k + 16, 2 * k + 48, 3 * k + 96}) if ncv < most]
        blocks = [{"maxBlockSize": b, "ncv": max(k + 3 * b, 2 * k + 16)} for b in (4, 8, 16) if k >= b]
        return [{**best, **extra} for extra in bases + [b for b in blocks if b["ncv"] < most]]

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        import primme

        random = np.random.default_rng(seed)
        u0, v0 = (random.standard_normal((size, 1), dtype=np.float32) for size in problem.shape)
        U, S, Vh = primme.svds(inputs.operator, problem.k, u0=u0, v0=v0, **settings)
        return Triplets(U, S, Vh.T)
