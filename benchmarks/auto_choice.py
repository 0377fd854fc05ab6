"""How good method="auto" picks: its time over that of the faster of block_krylov and dense, on 51 problems.

    python -m benchmarks.auto_choice

Medians of five certified calls (rank_k, 1 %, float32) each, on the costs in use (fanion svd --calibrate measures them).
"""

from benchmarks import openblas

if __name__ == "__main__":
    openblas.start_unpinned("benchmarks.auto_choice")

import statistics
import time

import torch

import fanion
from benchmarks.topk_svd import matrices

METHODS = ("auto", "block_krylov", "dense")
FAMILIES = ("gaussian", "power-0.5", "geometric-0.9")
SHAPES: dict[str, tuple[int, ...]] = {
    "100x100": (1, 20, 50),
    "500x500": (1, 10, 100),
    "2000x300": (1, 10, 100),
    "300x3000": (5, 50),
    "1500x1500": (1, 100, 500),
    "20000x500": (1, 10, 100),
}
CALLS = 5
CLOSE = 1.5


def milliseconds(A: torch.Tensor, k: int, method: str, seed: int) -> tuple[float, str, bool]:
    """Of one call; the method that ran, and whether it converged."""
    generator = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    *_, report = fanion.topk_svd(A, k, method=method, generator=generator)
    return 1e3 * (time.perf_counter() - start), report.method, report.status == "converged"


def main() -> None:
    """Prints a line a problem, and how many picks were close."""
    ratios = []
    for family in FAMILIES:
        for shape, ks in SHAPES.items():
            A = torch.from_numpy(matrices.load(f"{family}:{shape}").C)
            for k in ks:
                # In turns; the first is not counted: threads wake, pages of a new matrix are backed.
                rounds = [[milliseconds(A, k, m, seed) for m in METHODS] for seed in range(CALLS + 1)][1:]
                auto, krylov, dense = (statistics.median(r[i][0] for r in rounds) for i in range(3))
                ran, converged = rounds[-1][0][1], all(r[1][2] for r in rounds)
                ratios.append(auto / (min(krylov, dense) if converged else dense))
                print(
                    f"{family:14} {shape:10} k={k:<4} {ran:13} auto {auto:8.2f} ms  block_krylov {krylov:8.2f}  "
                    f"dense {dense:8.2f}  ratio {ratios[-1]:.2f}",
                    flush=True,
                )
    close = sum(ratio <= CLOSE for ratio in ratios)
    print(f"within {CLOSE} times of the faster: {close} of {len(ratios)}; worst {max(ratios):.2f}")


if __name__ == "__main__":
    main()
