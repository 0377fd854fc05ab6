"""How fast this machine reads a matrix, and how close to that the products A·X, Aᵀ·Y and Aᵀ(A·X) come.

    python -m benchmarks.bandwidth --size 5000 --columns 1 2 4 8 16 32 64 --json bandwidth.json

The read bandwidth is that of the fastest of some kernels that do nothing but read a matrix larger than the caches: a
sum, a largest entry, an inner product, products with one vector. The two fastest of them are measured again among the
products, and each product's share of their bandwidth is taken round by round. A product's bandwidth counts the matrix
once for A·X and for Aᵀ·Y, and twice for Aᵀ(A·X), so that a fused product, which reads it once, may exceed 100 %. The
products of fanion are those of its operators, Aᵀ(A·X) that of topk_svd's passes, by its own clock.
"""

from __future__ import annotations

from benchmarks import openblas

if __name__ == "__main__":
    openblas.start_unpinned("benchmarks.bandwidth")

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import fanion

REST = 0.1  # seconds between libraries, whose idle threads spin that long

PASSES = 4
LIBRARIES = ("torch", "numpy", "fanion")

Kernel = Callable[[], object]


class OwnClock(NamedTuple):
    """What a kernel returns that knows its time better than who calls it."""

    seconds: float


def reading_kernels(A: torch.Tensor) -> dict[str, Kernel]:
    """Ways to read A once."""
    N, flat = A.numpy(), A.view(-1)
    x, y = (torch.ones(size) for size in A.shape[::-1])
    return {
        "torch sum": lambda: A.sum(),
        "torch amax": lambda: A.amax(),
        "torch dot (A, A)": lambda: torch.dot(flat, flat),
        "torch A·x": lambda: A @ x,
        "torch Aᵀ·y": lambda: A.T @ y,
        "numpy A·x": lambda: N @ x.numpy(),
        "numpy Aᵀ·y": lambda: N.T @ y.numpy(),
        "numpy dot (A, A)": lambda: np.vdot(N, N),
    }


def fanion_pass(A: torch.Tensor, columns: int) -> OwnClock:
    """A pass of the subspace iteration: the seconds that its report counts for products."""
    report = fanion.topk_svd(A, columns, method="subspace", criterion="passes", passes=PASSES, oversample=0)[3]
    return OwnClock(report.seconds["products"] / PASSES)


def products(A: torch.Tensor, columns: int) -> dict[tuple[str, str], Kernel]:
    """By library and product."""
    generator = torch.Generator().manual_seed(1)
    X, Y = (torch.randn(size, columns, generator=generator) for size in A.shape[::-1])
    N, NX, NY = A.numpy(), X.numpy(), Y.numpy()
    kernels: dict[tuple[str, str], Kernel] = {
        ("torch", "A·X"): lambda: A @ X,
        ("torch", "Aᵀ·Y"): lambda: A.T @ Y,
        ("torch", "Aᵀ(A·X)"): lambda: A.T @ (A @ X),
        ("numpy", "A·X"): lambda: N @ NX,
        ("numpy", "Aᵀ·Y"): lambda: N.T @ NY,
        ("numpy", "Aᵀ(A·X)"): lambda: N.T @ (N @ NX),
    }
    operator = fanion.linalg.aslinearoperator(A)
    return {
        **kernels,
        ("fanion", "A·X"): lambda: operator.matmat(X),
        ("fanion", "Aᵀ·Y"): lambda: operator.rmatmat(Y),
        ("fanion", "Aᵀ(A·X)"): lambda: fanion_pass(A, columns),
    }


def interleaved(kernels: dict[Any, Kernel], rounds: int) -> dict[Any, list[float]]:
    """Seconds of each by round; the order changes from round to round."""
    seconds: dict[Any, list[float]] = {name: [] for name in kernels}
    names = list(kernels)
    order = random.Random(0)
    for _ in range(rounds):
        order.shuffle(names)
        for name in names:
            time.sleep(REST)
            kernels[name]()
            start = time.perf_counter()
            result = kernels[name]()
            wall = time.perf_counter() - start
            seconds[name].append(result.seconds if isinstance(result, OwnClock) else wall)
    return seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[5000], help="rows and columns")
    parser.add_argument("--columns", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=LIBRARIES)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="few columns and rounds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.quick:
        given.columns, given.rounds = [1, 8, 32], 3
    torch.set_num_threads(given.threads)
    m, n = given.size[0], given.size[-1]
    A = torch.randn(m, n, generator=torch.Generator().manual_seed(0))
    size = A.nbytes / 1e9

    readers = reading_kernels(A)
    reads = interleaved(readers, given.rounds)
    print(f"{m} × {n} float32, {given.threads} threads, {given.rounds} rounds")
    for name, times in reads.items():
        print(
            f"  {name:18} {size / min(times):7.1f} GB/s at best, {size / statistics.median(times):7.1f} in the median"
        )
    fastest = sorted(reads, key=lambda name: statistics.median(reads[name]))[:2]

    measured: dict[int, dict[str, list[float]]] = {}
    print(f"  {'columns':>7} {'product':>9} {'library':>8} {'ms (median)':>12} {'GB/s':>7} {'% of the read speed':>25}")
    for columns in given.columns:
        kernels: dict[Any, Kernel] = {name: readers[name] for name in fastest}
        kernels |= {name: kernel for name, kernel in products(A, columns).items() if name[0] in given.libraries}
        seconds = interleaved(kernels, given.rounds)
        reading = [min(times) for times in zip(*(seconds.pop(name) for name in fastest), strict=True)]
        measured[columns] = {f"{library} {product}": times for (library, product), times in seconds.items()}
        measured[columns]["reading"] = reading
        for (library, product), times in sorted(seconds.items(), key=lambda item: item[0][1]):
            count = 2 if "(" in product else 1
            shares = sorted(100 * count * read / time for read, time in zip(reading, times, strict=True))
            median = statistics.median(times)
            print(
                f"  {columns:7} {product:>9} {library:>8} {1000 * median:12.2f} {count * size / median:7.1f}"
                f" {statistics.median(shares):10.0f} ({shares[0]:.0f} … {shares[-1]:.0f})"
            )
    if given.json:
        figures = {"arguments": {key: str(value) for key, value in vars(given).items()}}
        given.json.write_text(json.dumps({**figures, "read seconds": reads, "product seconds": measured}, indent=1))


if __name__ == "__main__":
    main()
