"""What is measured, and the bars: how many times faster than the fastest peer fanion is to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.topk_svd.contestant import Problem

SCIPY = ("SciPy ARPACK", "SciPy PROPACK")


@dataclass(frozen=True)
class Case:
    """A problem and its bar. `against`: the peers that count; empty: all."""

    problem: Problem
    bar: float
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Cases that belong together. `mean_bar`: a bar for the geometric mean of their ratios."""

    name: str
    cases: tuple[Case, ...]
    mean_bar: float | None = None


def _cases(
    matrices: Iterable[str], bars: dict[int, float], criterion: str, against: tuple[str, ...] = ()
) -> list[Case]:
    return [Case(Problem(matrix, k, criterion), bar, against) for matrix in matrices for k, bar in bars.items()]


def gaussian(size: int = 5000) -> Part:
    """Table 2: square Gaussian matrices, by both criteria."""
    matrix = [f"gaussian:{size}x{size}"]
    rank_k = _cases(matrix, {1: 4.0, 10: 6.0, 100: 6.0}, "rank_k")
    return Part("gaussian", (*rank_k, *_cases(matrix, dict.fromkeys((1, 10, 100), 3.0), "lmo_gap")))


def spectra(shapes: Iterable[str] = ("20000x500", "500x20000", "1000x1000", "10000x10000")) -> Part:
    """Decaying spectra: never slower, twice as fast in the geometric mean."""
    matrices = [f"{family}:{shape}" for shape in shapes for family in ("power-0.5", "power-1", "geometric-0.9")]
    return Part("spectra", tuple(_cases(matrices, dict.fromkeys((1, 10, 100), 1.0), "rank_k")), mean_bar=2.0)


def training(step: int = 100) -> Part:
    """Gradients and momenta of a training, cold, against SciPy."""
    matrices = [f"{kind}:{shape}:{step}" for kind in ("momentum", "gradient") for shape in ("out", "down", "qkv")]
    return Part("training", tuple(_cases(matrices, dict.fromkeys((1, 8, 32), 3.0), "lmo_gap", SCIPY)))


def quick() -> Part:
    """A minute's worth of small ones, with the bars of the large."""
    small = _cases(["gaussian:1000x1000"], {1: 4.0, 10: 6.0}, "rank_k") + _cases(
        ["gaussian:1000x1000"], {10: 3.0}, "lmo_gap"
    )
    return Part("quick", (*small, *_cases(["power-1:1000x1000", "power-0.5:4000x300"], {10: 1.0}, "rank_k")))
