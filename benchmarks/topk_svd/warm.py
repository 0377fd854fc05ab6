"""Warm starts over a training: each step's matrix from the V that was found for the step before.

For 1 and 2 passes of block power iteration, which training steps take, and for 2 of what "auto" takes, the lmo_gap that
is left, and how many reads of the matrix the default takes to certify a gap of 1 %; cold starts beside them. The bar:
1 % within 2 passes, in the median over the steps.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.topk_svd import matrices, momenta, ours
from benchmarks.topk_svd.errors import lmo_gap, orthonormality_error

CHAINS = (("subspace", 1), ("subspace", 2), ("auto", 2))
GAP = 0.01
WIDTHS = (21, 21, 21, 21, 19)
SEED = 0


def measure(ks: Sequence[int]) -> list[dict[str, Any]]:
    """Prints a line per kind, shape and k; returns every figure."""
    print(f"\nWarm-started over {momenta.KEPT} steps of a training: lmo_gap, median (largest); the bar is {GAP:g}")
    print(
        f"  {'':22} "
        + " ".join(f"{f'{method}, passes={p}':>21}" for method, p in CHAINS)
        + f" {'certified: reads, ms':>21} {'cold: reads, ms':>19}"
    )
    figures = []
    for kind in momenta.KINDS:
        for shape in momenta.SHAPES:
            run = [matrices.load(f"{kind}:{shape}:{step}") for step in momenta.steps()]
            for matrix in run:
                matrix.exact(max(ks))  # once for all k
            figures += [_over_the_run(kind, shape, run, k) for k in ks]
    return figures


def _over_the_run(kind: str, shape: str, run: Sequence[matrices.Matrix], k: int) -> dict[str, Any]:
    by_passes = {f"{method} {p}": _chain(run, k, p, method=method) for method, p in CHAINS}
    certified, cold = _chain(run, k, None), _chain(run, k, None, warm=False)
    cells = []
    for chain in by_passes.values():
        gaps = chain["gaps"]
        met = "met" if statistics.median(gaps) <= GAP else "NOT"
        cells.append(f"{statistics.median(gaps):8.1e} ({max(gaps):7.1e}) {met}")
    for chain in (certified, cold):
        cells.append(f"{statistics.median(chain['reads']):5.1f} {1000 * statistics.median(chain['seconds']):9.2f}")
    print(
        f"  {f'{kind} {shape} k={k}':22} " + " ".join(f"{c:>{w}}" for c, w in zip(cells, WIDTHS, strict=True)),
        flush=True,
    )
    return {"kind": kind, "shape": shape, "k": k, "passes": by_passes, "certified": certified, "cold": cold}


def _chain(
    run: Sequence[matrices.Matrix], k: int, passes: int | None, *, method: str = "auto", warm: bool = True
) -> dict[str, list[float]]:
    """Gap, seconds, reads and orthonormality of every step but the first, which gives the first guess."""
    result = ours.certified(torch.from_numpy(run[0].C), k, "lmo_gap", GAP, SEED)
    kept: dict[str, list[float]] = {"gaps": [], "seconds": [], "reads": [], "orthonormality": []}
    for matrix in run[1:]:
        A = torch.from_numpy(matrix.C)
        guess = {"warm_start": result[2]} if warm else {}
        start = time.perf_counter()
        if passes is None:
            result = ours.certified(A, k, "lmo_gap", GAP, SEED, **guess)
        else:
            result = ours.with_passes(A, k, passes, SEED, method=method, **guess)
        kept["seconds"].append(time.perf_counter() - start)
        found = ours.triplets(result)
        kept["gaps"].append(lmo_gap(matrix.C, found, matrix.exact(k)))
        kept["reads"].append(ours.reads_of(result))
        kept["orthonormality"].append(orthonormality_error(found))
    return kept
