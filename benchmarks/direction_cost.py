"""What one direction costs, from n = 256 up: Lanczos and warm passes beside Newton–Schulz and the exact SVD.

    python benchmarks/direction_cost.py                                  # n = 256 … 2048, some minutes
    python benchmarks/direction_cost.py --sizes 256 512 1024 2048 4096 8192 --json FILE --picture FILE.png

Square float32 matrices, Gaussian ones and ones with σ_i = 1/i. A line says the median time of a direction, its flops by
the formula beside it, and its LMO gap 1 − ⟨M, D⟩/(‖D‖·‖M‖†), the norm being that of the direction's ball: how much of
the best step's descent it gives up once it is scaled into the ball. "warm" directions are a training step's: one block
power pass from the triplets of a matrix that differs by a tenth (in the Frobenius norm).
docs/records/direction-cost.md has a run.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import fanion

STEPS = 5  # of Newton–Schulz
LARGEST_SVD = 1024  # beyond, the exact SVD takes minutes
SECONDS = 3.0  # of repetitions of one direction


class Matrix(NamedTuple):
    """One to find directions of, with what is known of its spectrum."""

    M: Tensor
    leading: Tensor
    """σ₁ … σ₈, float64."""
    total: float
    """Σσ."""


class Found(NamedTuple):
    """A direction D and the flops of its formula."""

    factors: tuple[Tensor, Tensor]
    """D = U Vᵀ; U and V with n columns where D had to be formed."""
    flops: float


def reflected(X: Tensor, generator: torch.Generator) -> Tensor:
    """X by a few Householder reflections from the left: its singular values stay."""
    for _ in range(3):
        w = torch.randn(X.shape[0], generator=generator, dtype=X.dtype)
        X = X - torch.outer(2 * w / w.square().sum(), w @ X)
    return X


def decaying(n: int, generator: torch.Generator) -> Matrix:
    """σ_i = 1/i."""
    sigma = 1 / torch.arange(1, n + 1, dtype=torch.float64)
    M = reflected(reflected(torch.diag(sigma.float()), generator).mT, generator).contiguous()
    return Matrix(M, sigma[:8], sigma.sum().item())


def gaussian(n: int, generator: torch.Generator) -> Matrix:
    """Standard normal entries."""
    M = torch.randn(n, n, generator=generator)
    leading = fanion.topk_svd(M, 8, criterion="lmo_gap", tol=1e-7).S.double()
    if n > 4096:  # the limit of large n, exact to 1e-3 at n = 256 already
        return Matrix(M, leading, 8 / (3 * math.pi) * n**1.5)
    squares = torch.linalg.eigvalsh(M.double() @ M.double().mT)
    return Matrix(M, leading, squares.clamp_min(0).sqrt().sum().item())


SPECTRA: dict[str, Callable[[int, torch.Generator], Matrix]] = {"Gaussian": gaussian, "σ_i = 1/i": decaying}


def dense(D: Tensor, flops: float) -> Found:
    """A direction that was formed."""
    return Found((D, torch.eye(1)), flops)


def lanczos(M: Tensor, k: int) -> Found:
    """K triplets to an LMO gap of 1 %, from a random start."""
    U, _, V, report = fanion.topk_svd(M, k, method="lanczos", criterion="lmo_gap", tol=1e-2)
    return Found((U, V), 2.0 * M.numel() * report.products)


def warm_pass(M: Tensor, k: int, columns: int, start: Tensor) -> Found:
    """K triplets by one block power pass from `start`."""
    found = fanion.topk_svd(
        M, k, method="subspace", criterion="passes", passes=1, oversample=columns - k, warm_start=start
    )
    return Found((found.U, found.V), 4.0 * M.numel() * columns)


def newton_schulz(M: Tensor, of: Callable[[Tensor], Tensor]) -> Found:
    """A polar factor by Newton–Schulz."""
    return dense(of(M), 2.0 * STEPS * 3 * M.shape[0] ** 3)


def torch_newton_schulz(M: Tensor) -> Tensor:
    """What torch.optim.Muon calls."""
    from torch.optim import _muon

    return _muon._zeropower_via_newtonschulz(M, (3.4445, -4.775, 2.0315), STEPS, 1e-7)


def exact_polar(M: Tensor) -> Found:
    """A polar factor by the full SVD."""
    U, _, Vh = torch.linalg.svd(M, full_matrices=False)
    return dense(U @ Vh, 22.0 * M.shape[0] ** 3)


def contestants(M: Tensor, generator: torch.Generator) -> dict[str, tuple[str, int, Callable[[], Found]]]:
    """By name: the formula of the flops, the k of the ball (0: the spectral one), and the direction."""
    last = M + 0.1 * M.norm() / M.shape[0] * torch.randn(M.shape, generator=generator)
    start = fanion.topk_svd(last, 12, criterion="lmo_gap", tol=1e-2).V
    found: dict[str, tuple[str, int, Callable[[], Found]]] = {}
    for name, k, columns in (("Neon", 1, 2), ("Fanion-8", 8, 12)):
        found[f"{name}, Lanczos"] = ("2n²p + O(np²)", k, partial(lanczos, M, k))
        warm = start[:, :columns].contiguous()
        found[f"{name}, warm"] = (f"4n²·{columns}", k, partial(warm_pass, M, k, columns, warm))
    found["Muon"] = ("30n³", 0, lambda: newton_schulz(M, fanion.newton_schulz))
    found["Muon, torch"] = ("30n³", 0, lambda: newton_schulz(M, torch_newton_schulz))
    if M.shape[0] <= LARGEST_SVD:
        found["exact SVD"] = ("≈ 22n³", 0, lambda: exact_polar(M))
    return found


def lmo_gap(matrix: Matrix, factors: tuple[Tensor, Tensor], k: int) -> float:
    """1 − ⟨M, D⟩/(‖D‖·‖M‖†) for Fanion-k's ball, max(Σσ/k, σ₁) ≤ 1, or with k = 0 the spectral one."""
    left, right = (factor.double() for factor in factors)
    M = matrix.M.double()
    if k == 0:
        D = factors[0].float()
        largest = fanion.topk_svd(D, 1, criterion="residual", tol=1e-3).S.item()
        return float(1 - torch.sum(M * D.double()).item() / (largest * matrix.total))
    S = torch.linalg.svdvals(torch.linalg.qr(left).R @ torch.linalg.qr(right).R.mT)
    size = max(S.sum().item() / k, S[0].item())
    return float(1 - torch.sum((M @ right) * left).item() / (size * matrix.leading[:k].sum().item()))


def timed(of: Callable[[], Found], clock: Callable[[], float]) -> tuple[Found, list[float]]:
    """Once to warm up, unless that alone takes the time; then as often as SECONDS allow, at most 21 times."""
    seconds: list[float] = []
    while True:
        begin = clock()
        found = of()
        seconds.append(clock() - begin)
        if len(seconds) > 21 or sum(seconds) > SECONDS:
            return found, seconds[1:] or seconds


def measured(sizes: list[int], clock: Callable[[], float]) -> list[dict[str, Any]]:
    """A line for every direction of every matrix, printed as it comes."""
    lines = []
    for spectrum, make in SPECTRA.items():
        for n in sizes:
            generator = torch.Generator().manual_seed(n)
            matrix = make(n, generator)
            for name, (formula, k, of) in contestants(matrix.M, generator).items():
                found, seconds = timed(of, clock)
                line: dict[str, Any] = {
                    "spectrum": spectrum,
                    "n": n,
                    "name": name,
                    "formula": formula,
                    "flops": found.flops,
                }
                line |= {"seconds": statistics.median(seconds), "least": min(seconds), "times": len(seconds)}
                lines.append(line | {"lmo_gap": lmo_gap(matrix, found.factors, k)})
                print(
                    f"| {spectrum} | {n} | {name} | {1e3 * line['seconds']:.4g} | {found.flops:.2g} | {formula} "
                    f"| {max(lines[-1]['lmo_gap'], 0):.2g} |",
                    flush=True,
                )
    return lines


def draw(lines: list[dict[str, Any]], png: Path) -> None:
    """Time against n, a panel for each spectrum, with n² and n³ as grey lines."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from fanion.figures._style import COLOURS, MARKERS

    names = list(dict.fromkeys(line["name"] for line in lines))
    figure, panels = plt.subplots(1, len(SPECTRA), figsize=(9.5, 4.4), sharey=True, squeeze=False, layout="constrained")
    for axes, spectrum in zip(panels.flat, SPECTRA, strict=True):
        own = [line for line in lines if line["spectrum"] == spectrum]
        for i, name in enumerate(names):
            points = [line for line in own if line["name"] == name]
            axes.loglog(
                [p["n"] for p in points],
                [1e3 * p["seconds"] for p in points],
                marker=MARKERS[i],
                color=COLOURS[i],
                linestyle="--" if "warm" in name else "-",
                label=name,
            )
        sizes = sorted({line["n"] for line in own})
        for power, anchor in ((2, "Neon, warm"), (3, "Muon")):
            first = next(p for p in own if p["name"] == anchor and p["n"] == sizes[-1])
            times = [1e3 * first["seconds"] * (n / sizes[-1]) ** power for n in sizes]
            axes.loglog(sizes, times, color="0.8", linewidth=5, zorder=0)
            axes.annotate(f"n{'²' if power == 2 else '³'}", (sizes[0], times[0]), color="0.45", ha="right", va="center")
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.minorticks_off()
        axes.set_title(f"{spectrum}, n × n float32")
        axes.set_xlabel("n")
    panels[0, 0].set_ylabel("milliseconds a direction")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(png, dpi=150)


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024, 2048])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu", action="store_true", help="CPU time of one thread: where other work has the processor")
    parser.add_argument("--json", type=Path, help="keeps every figure; where it exists already, it is only drawn")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1 if arguments.cpu else arguments.threads)
    if arguments.json and arguments.json.exists():
        lines = json.loads(arguments.json.read_text())
    else:
        print("| spectrum | n | direction | ms | flops | formula | LMO gap |\n|---|---|---|---|---|---|---|")
        lines = measured(arguments.sizes, time.process_time if arguments.cpu else time.perf_counter)
        if arguments.json:
            arguments.json.write_text(json.dumps(lines, indent=1))
    if arguments.picture:
        draw(lines, arguments.picture)


if __name__ == "__main__":
    main()
