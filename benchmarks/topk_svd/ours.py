"""fanion's contestants, and the one place that knows how fanion.topk_svd is called."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from typing_extensions import override

import fanion
from benchmarks.topk_svd.contestant import Contestant, Problem, Settings, rising
from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.products import Inputs

HAS_CRITERIA = "criterion" in inspect.signature(fanion.topk_svd).parameters
METHODS = ("lanczos", "block_krylov", "subspace", "randomized", "power") if HAS_CRITERIA else ("subspace",)

Result = tuple[torch.Tensor, torch.Tensor, torch.Tensor, Any]


def certified(A: torch.Tensor, k: int, criterion: str, tol: float, seed: int, **more: Any) -> Result:
    """The default: stops when its own bound of the error is at most tol."""
    generator = torch.Generator().manual_seed(seed)
    if HAS_CRITERIA:
        return fanion.topk_svd(A, k, criterion=criterion, tol=tol, generator=generator, **more)
    return fanion.topk_svd(A, k, tol=tol, generator=generator, **more)


def with_passes(A: torch.Tensor, k: int, passes: int, seed: int, **more: Any) -> Result:
    """So many passes of a method, without a certificate."""
    generator = torch.Generator().manual_seed(seed)
    if HAS_CRITERIA:
        more["criterion"] = "passes"
    return fanion.topk_svd(A, k, passes=passes, generator=generator, **more)


def triplets(result: Result) -> Triplets:
    """Without the report."""
    U, S, V, _ = result
    return Triplets(U.numpy(), S.numpy(), V.numpy())


def passes_of(result: Result) -> float:
    """Passes it took: one is a product with A and one with Aᵀ."""
    return float(result[3].passes) / (1 if HAS_CRITERIA else 2)


class Certified(Contestant):
    """fanion.topk_svd(A, k, criterion=…, tol=…): nothing is tuned."""

    name = "fanion"
    knob = "tol"
    is_ours = True

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return [problem.bound]

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        return triplets(certified(inputs.tensor, problem.k, problem.criterion, settings["tol"], seed))


class Tuned(Contestant):
    """A method of fanion.topk_svd with the fewest passes that are accurate enough, tuned like the peers."""

    name = "fanion, passes tuned"
    knob = "passes"
    is_ours = True

    @override
    def efforts(self, problem: Problem) -> Sequence[Any]:
        return rising(500)

    @override
    def variants(self, problem: Problem) -> list[Settings]:
        return [{"method": method} for method in METHODS if method != "power" or problem.k == 1]

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        return triplets(with_passes(inputs.tensor, problem.k, seed=seed, **settings))


OURS: list[Contestant] = [Certified(), Tuned()]
