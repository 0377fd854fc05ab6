"""The peers with power iteration, of a block or one column after the other, with everything that each lets one set."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from typing_extensions import override

from benchmarks.topk_svd.contestant import Contestant, Problem, Settings, near, rising
from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.products import Inputs


def _oversamples(problem: Problem) -> list[int]:
    k = problem.k
    extra = {2, 5, 10, 20, 40, round(k / 4), round(k / 2), k, 2 * k, 4 * k}
    return sorted(p for p in extra if 2 <= p <= min(problem.shape) - k)


class RandomizedSvd(Contestant):
    """sklearn.utils.extmath.randomized_svd: a block of k + `n_oversamples` columns, `n_iter` power passes."""

    name = "scikit-learn"
    knob = "n_iter"

    @override
    def missing(self) -> str:
        return "" if importlib.util.find_spec("sklearn") else "not installed (pip install scikit-learn)"

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return [0, *rising(300)]

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        return [{"n_oversamples": p, "power_iteration_normalizer": "LU"} for p in _oversamples(problem)]

    @override
    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        most = min(problem.shape) - problem.k
        sizes = [{**best, "n_oversamples": p} for p in near(best["n_oversamples"], 2, most)]
        return [{**best, "power_iteration_normalizer": other} for other in ("none", "QR")] + sizes

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        from sklearn.utils.extmath import randomized_svd

        A = inputs.numpy_array(problem.k + settings["n_oversamples"])
        U, S, Vh = randomized_svd(A, problem.k, random_state=seed, flip_sign=False, **settings)
        return Triplets(U, S, Vh.T)


class SvdLowrank(Contestant):
    """torch.svd_lowrank: a block of q = k + `oversamples` columns, `niter` power passes, QR after every product."""

    name = "torch.svd_lowrank"
    knob = "niter"

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return [0, *rising(300)]

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        return [{"oversamples": p, "order": "C"} for p in _oversamples(problem)]

    @override
    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        most = min(problem.shape) - problem.k
        return [{**best, "order": "F"}] + [{**best, "oversamples": p} for p in near(best["oversamples"], 2, most)]

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        torch.manual_seed(seed)
        A = inputs.tensor if settings["order"] == "C" else inputs.column_major
        U, S, V = torch.svd_lowrank(A, q=problem.k + settings["oversamples"], niter=settings["niter"])
        return Triplets(U.numpy(), S.numpy(), V.numpy()).first(problem.k)


class PowerIteration(Contestant):
    """v ← AᵀAv, orthogonal to the vectors found before; then the SVD of A·V, which rotates them into triplets."""

    name = "power iteration"
    knob = "iterations"

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return rising(5000)

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        random = np.random.default_rng(seed)
        A = inputs.operator
        n = problem.shape[1]
        V = np.zeros((n, problem.k), np.float32, "F")
        for i in range(problem.k):
            v, before = random.standard_normal(n, dtype=np.float32), V[:, :i]
            for _ in range(settings["iterations"]):
                v = A.rmatvec(A.matvec(v))
                v -= before @ (before.T @ v)
                v /= np.linalg.norm(v)
            V[:, i] = v
        V, _ = np.linalg.qr(V)
        U, S, Wh = np.linalg.svd(A.matmat(V), full_matrices=False)
        return Triplets(U, S, V @ Wh.T)
