"""What one optimizer step costs on the matrices of GPT blocks, fanion and torch side by side.

    python benchmarks/optimizer_step.py --width 768 --blocks 1 --rounds 9
    python benchmarks/optimizer_step.py --only AdamW NSGD Neon Fanion --baseline "torch AdamW (fused)" --rounds 21

All optimizers step copies of the same parameters with the same gradients (momenta are warmed up first: gradients
drift slowly around a matrix with a decaying spectrum, as they do in training). Every round times each of them once, in
an order that changes from round to round, and ratios are taken within a round, so that a machine that gets slower
for a while slows all of them. Prints median and range; --json FILE keeps every figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import fanion

LR: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.0}
OPTIMIZERS: dict[str, Callable[[list[torch.Tensor]], torch.optim.Optimizer]] = {
    "torch AdamW (fused)": lambda p: torch.optim.AdamW(p, fused=True, **LR),
    "torch Muon (bf16)": lambda p: torch.optim.Muon(p, **LR),
    "fanion Muon (bf16)": lambda p: fanion.Muon(p, ns_dtype="bfloat16", **LR),
    "fanion Muon (fp32)": lambda p: fanion.Muon(p, ns_dtype="float32", **LR),
    "fanion NSGD": lambda p: fanion.NSGD(p, **LR),
    "fanion Neon": lambda p: fanion.Neon(p, **LR),
    "fanion FNeon": lambda p: fanion.FNeon(p, **LR),
    "fanion Fanion-8": lambda p: fanion.Fanion(p, k=8, **LR),
    "fanion D-Fanion-8": lambda p: fanion.DFanion(p, k=8, **LR),
}


def block_shapes(width: int) -> list[tuple[int, int]]:
    """The matrices of one transformer block: q, k, v, out, up, down."""
    return [(width, width)] * 4 + [(4 * width, width), (width, 4 * width)]


def decaying(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """A Gaussian matrix with σ_i scaled by 1/√i: a few strong directions over a long tail, like a momentum."""
    rank = min(shape)
    left = torch.randn(shape[0], rank, generator=generator) / rank**0.5
    right = torch.randn(rank, shape[1], generator=generator)
    scaled: torch.Tensor = left * torch.arange(1, rank + 1) ** -0.5
    return scaled @ right


class Contestant:
    """One optimizer with its own copy of the parameters."""

    def __init__(self, name: str, start: list[torch.Tensor]) -> None:
        self.name = name
        self.params = [p.clone().requires_grad_() for p in start]
        self.optimizer = OPTIMIZERS[name](self.params)
        self.seconds: list[float] = []

    def step(self, grads: list[torch.Tensor]) -> float:
        """Seconds of one step."""
        for p, g in zip(self.params, grads, strict=True):
            p.grad = g.clone()
        begin = time.perf_counter()
        self.optimizer.step()
        return time.perf_counter() - begin


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", metavar="PART", default=[""], help="optimizers whose name contains one")
    parser.add_argument("--baseline", default="torch Muon (bf16)", choices=OPTIMIZERS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    generator = torch.Generator().manual_seed(0)
    shapes = block_shapes(given.width) * given.blocks
    start = [torch.randn(shape, generator=generator) * 0.02 for shape in shapes]
    base = [decaying(shape, generator) for shape in shapes]
    names = [name for name in OPTIMIZERS if name == given.baseline or any(part in name for part in given.only)]
    contestants = [Contestant(name, start) for name in names]
    warm_up = 3
    for round_number in range(warm_up + given.rounds):
        grads = [b + 0.3 * torch.randn(b.shape, generator=generator) * b.std() for b in base]
        shift = round_number % len(contestants)
        for contestant in contestants[shift:] + contestants[:shift]:
            seconds = contestant.step(grads)
            if round_number >= warm_up:
                contestant.seconds.append(seconds)

    baseline = next(c for c in contestants if c.name == given.baseline).seconds
    entries = sum(p.numel() for p in start)
    print(f"{len(shapes)} matrices, {entries / 1e6:.1f} M entries, {given.threads} threads, {given.rounds} rounds")
    print(f"{'optimizer':22} {'ms (median)':>12} {'times faster than ' + given.baseline:>38}")
    for c in contestants:
        ratios = sorted(b / s for b, s in zip(baseline, c.seconds, strict=True))
        spread = f"{statistics.median(ratios):6.2f}  ({ratios[0]:.2f} … {ratios[-1]:.2f})"
        print(f"{c.name:22} {1000 * statistics.median(c.seconds):12.2f} {spread:>38}")
    if given.json:
        given.json.write_text(
            json.dumps(
                {
                    "arguments": {k: str(v) for k, v in vars(given).items()},
                    "seconds": {c.name: c.seconds for c in contestants},
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
