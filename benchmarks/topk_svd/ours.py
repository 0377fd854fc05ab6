"""fanion's contestants, and the one place that knows how fanion.topk_svd is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from typing_extensions import override

import fanion
from benchmarks.topk_svd.contestant import Contestant, Problem, Settings, rising
from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.products import Inputs
from fanion.linalg import SVD_METHODS

METHODS = [m for m in SVD_METHODS if m not in ("auto", "dense")]  # fast ones first: they cut the others short
BLOCKS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 32)  # of block_krylov; 1 is lanczos with a larger basis
NARROW = ("mixed", "bfloat16", "int8")  # which the Krylov methods gain most from: the others read A less often
OVERSAMPLES = (2, 8, 16, 32)  # the default is 4
SAMPLED = ((0, 2), (1, 2), (1, 6), (2, 2), (2, 8))  # columns beyond k, and oversampling, of single passes from a sample

Result = tuple[torch.Tensor, torch.Tensor, torch.Tensor, fanion.SvdReport]


def certified(A: torch.Tensor, k: int, criterion: str, tol: float, seed: int, **more: Any) -> Result:
    """The default: stops when its own bound of the error is at most tol."""
    return fanion.topk_svd(A, k, criterion=criterion, tol=tol, generator=torch.Generator().manual_seed(seed), **more)


def with_passes(A: torch.Tensor, k: int, passes: int, seed: int, **more: Any) -> Result:
    """So many passes of a method, without a certificate; one pass is a product with A and one with Aᵀ."""
    generator = torch.Generator().manual_seed(seed)
    return fanion.topk_svd(A, k, criterion="passes", passes=passes, generator=generator, **more)


def reads_of(result: Result) -> int:
    """How often A was read: twice in a pass, or once where the two products are fused."""
    return result[3].reads


def triplets(result: Result) -> Triplets:
    """Without the report."""
    U, S, V, _ = result
    return Triplets(U.numpy(), S.numpy(), V.numpy())


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
        k = problem.k
        sampled: list[Settings] = [
            {"method": "block_krylov", "block": k + more, "precision": "full", "oversample": p}
            for more, p in SAMPLED
            if k + more <= min(problem.shape)
        ]
        methods: list[Settings] = [
            {"method": method, "precision": "full"} for method in METHODS if method != "power" or k == 1
        ]
        narrow: list[Settings] = [{"method": "block_krylov", "precision": precision} for precision in NARROW]
        return [methods[0], *sampled, *narrow, *methods[1:]]

    @override
    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        blocks: list[Settings] = [
            {"method": "block_krylov", "block": b, "precision": p} for p in ("full", *NARROW) for b in BLOCKS
        ]
        if best["method"] in ("lanczos", "block_krylov"):
            return blocks
        most = min(problem.shape) - problem.k
        return [{**best, "oversample": p} for p in OVERSAMPLES if p <= most] + blocks

    @override
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        return triplets(with_passes(inputs.tensor, problem.k, seed=seed, **settings))


OURS: list[Contestant] = [Certified(), Tuned()]
