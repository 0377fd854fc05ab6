"""What one optimizer step costs beside AdamW's on the matrices of a model, fanion and torch side by side.

    python benchmarks/optimizer_step.py                              # GPT-2 small's 48 hidden matrices
    python benchmarks/optimizer_step.py --only NSGD Neon Muon --baseline "torch Muon" --rounds 5
    python benchmarks/optimizer_step.py --width 128 --blocks 8 --rounds 101 --nonfinite ignore
    python benchmarks/optimizer_step.py --square 4096 --only AdamW Neon Fanion-8
    python benchmarks/optimizer_step.py --memory --only AdamW Neon

The cost of an optimizer is the time of its step over the baseline's. All step copies of the same parameters with the
same gradients (momenta are warmed up first: gradients drift slowly around a matrix with a decaying spectrum, as they
do in training). Every round times each of them once, in an order that changes from round to round, and costs are
taken within a round, so that a machine that gets slower for a while slows all of them. Prints the median and the range
of them; --json FILE keeps every figure.

--memory prints, instead, what each takes beside parameters and gradients: its state, and the most that the process grew
by in its steps, both in bytes per parameter and in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import fanion

Optimizer = torch.optim.Optimizer
LR: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.0}
ONE_PASS: dict[str, Any] = {"passes": 1, "oversample": 0}
TORCH: dict[str, Callable[[list[torch.Tensor]], Optimizer]] = {
    "torch AdamW (fused)": lambda p: torch.optim.AdamW(p, fused=True, **LR),
    "torch Muon": lambda p: torch.optim.Muon(p, **LR),
}
FANION: dict[str, Callable[..., Optimizer]] = {
    "Signum": lambda p, **o: fanion.Signum(p, **LR, **o),
    "NSGD": lambda p, **o: fanion.NSGD(p, **LR, **o),
    "Neon": lambda p, **o: fanion.Neon(p, **LR, **o),
    "Neon, one pass": lambda p, **o: fanion.Neon(p, **ONE_PASS, **LR, **o),
    "F-Neon": lambda p, **o: fanion.FNeon(p, **LR, **o),
    "F-Neon, one pass": lambda p, **o: fanion.FNeon(p, **ONE_PASS, **LR, **o),
    "Fanion-8": lambda p, **o: fanion.Fanion(p, k=8, **LR, **o),
    "Fanion-8, one pass": lambda p, **o: fanion.Fanion(p, k=8, **ONE_PASS, **LR, **o),
    "D-Fanion-8": lambda p, **o: fanion.DFanion(p, k=8, **LR, **o),
    "D-Fanion-8, one pass": lambda p, **o: fanion.DFanion(p, k=8, **ONE_PASS, **LR, **o),
    "D-Fanion-8, 2 NS steps": lambda p, **o: fanion.DFanion(p, k=8, residual="newton_schulz", **LR, **o),
    "Dion-8": lambda p, **o: fanion.Dion(p, k=8, **LR, **o),
    "Fanion-8, error feedback": lambda p, **o: fanion.Fanion(p, k=8, error_feedback=True, **LR, **o),
    "Muon": lambda p, **o: fanion.Muon(p, **LR, **o),
    "Muon, float32": lambda p, **o: fanion.Muon(p, ns_dtype="float32", **LR, **o),
}


def shapes_of(given: argparse.Namespace) -> list[tuple[int, int]]:
    """The matrices that are stepped."""
    side: int = given.square
    width: int = given.width
    blocks: int = given.blocks
    if side:
        return [(side, side)] * blocks
    if width:
        return ([(width, width)] * 4 + [(4 * width, width), (width, 4 * width)]) * blocks
    return [(2304, 768), (768, 768), (3072, 768), (768, 3072)] * 12


def decaying(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """A Gaussian matrix with σ_i scaled by 1/√i: a few strong directions over a long tail, like a momentum."""
    rank = min(shape)
    left = torch.randn(shape[0], rank, generator=generator) / rank**0.5
    right = torch.randn(rank, shape[1], generator=generator)
    scaled: torch.Tensor = left * torch.arange(1, rank + 1) ** -0.5
    return scaled @ right


class Gradients:
    """Three sets of gradients that resemble each other, one after the other."""

    def __init__(self, shapes: list[tuple[int, int]], generator: torch.Generator) -> None:
        base: dict[tuple[int, int], torch.Tensor] = {}
        self.sets: list[list[torch.Tensor]] = []
        for _ in range(3):
            grads = []
            for shape in shapes:
                if shape not in base:
                    base[shape] = decaying(shape, generator)
                noise = torch.randn(shape, generator=generator)
                grads.append(noise.mul_(0.3 * base[shape].std()).add_(base[shape]))
            self.sets.append(grads)

    def of(self, round_number: int) -> list[torch.Tensor]:
        """Those of a round."""
        return self.sets[round_number % len(self.sets)]


class Contestant:
    """One optimizer with its own copy of the parameters."""

    def __init__(self, name: str, start: list[torch.Tensor], nonfinite: str) -> None:
        self.name = name
        self.params = [p.clone().requires_grad_() for p in start]
        make = TORCH.get(name)
        self.optimizer = make(self.params) if make else FANION[name](self.params, nonfinite=nonfinite)
        self.seconds: list[float] = []

    def step(self, grads: list[torch.Tensor]) -> float:
        """Seconds of one step."""
        for p, g in zip(self.params, grads, strict=True):
            p.grad = g
        begin = time.perf_counter()
        self.optimizer.step()
        return time.perf_counter() - begin

    def state_bytes(self) -> int:
        """Bytes of the optimizer's state."""
        tensors = [t for state in self.optimizer.state.values() for t in state.values() if isinstance(t, torch.Tensor)]
        return sum(t.numel() * t.element_size() for t in tensors)


def cost_text(costs: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(costs):6.2f}  ({min(costs):.2f} … {max(costs):.2f})"


def measure(given: argparse.Namespace, names: list[str]) -> dict[str, list[float]]:
    """Seconds of every round, by optimizer."""
    generator = torch.Generator().manual_seed(0)
    shapes = shapes_of(given)
    start = [torch.randn(shape, generator=generator) * 0.02 for shape in shapes]
    gradients = Gradients(shapes, generator)
    contestants = [Contestant(name, start, given.nonfinite) for name in names]
    warm_up = 3
    for round_number in range(warm_up + given.rounds):
        shift = round_number % len(contestants)
        for contestant in contestants[shift:] + contestants[:shift]:
            seconds = contestant.step(gradients.of(round_number))
            if round_number >= warm_up:
                contestant.seconds.append(seconds)
    return {c.name: c.seconds for c in contestants}


def grown(given: argparse.Namespace, name: str) -> tuple[float, float]:
    """Bytes per parameter of the state of an optimizer, and of what this process grew by at most in three steps."""
    generator = torch.Generator().manual_seed(0)
    shapes = shapes_of(given)
    gradients = Gradients(shapes, generator)
    contestant = Contestant(name, [torch.zeros(shape) for shape in shapes], given.nonfinite)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for round_number in range(3):
        contestant.step(gradients.of(round_number))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    entries = sum(m * n for m, n in shapes)
    return contestant.state_bytes() / entries, 1024 * (peak - before) / entries


def print_memory(given: argparse.Namespace, names: list[str]) -> None:
    """A line per optimizer, each by a process of its own."""
    print(f"{'optimizer':24} {'state':>8} {'growth':>8}   bytes per parameter")
    for name in names:
        command = [sys.executable, __file__, *sys.argv[1:], "--memory-of", name]
        state, growth = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{name:24} {state:8.2f} {growth:8.2f}")


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, help="GPT blocks of this width instead: q, k, v, out, up, down")
    parser.add_argument("--blocks", type=int, default=1, help="how many of those, or of the square matrices")
    parser.add_argument("--square", type=int, help="square matrices of this size instead")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--nonfinite", default="error", choices=("error", "ignore"))
    parser.add_argument("--only", nargs="+", metavar="PART", default=[""], help="optimizers whose name contains one")
    parser.add_argument("--baseline", default="torch AdamW (fused)", choices=(*TORCH, *FANION))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.memory_of:
        print(json.dumps(grown(given, given.memory_of)))
        return
    names = [n for n in (*TORCH, *FANION) if n == given.baseline or any(part in n for part in given.only)]
    shapes = shapes_of(given)
    entries = sum(m * n for m, n in shapes)
    print(f"{len(shapes)} matrices, {entries / 1e6:.1f} M entries, {given.threads} threads, {given.rounds} rounds")
    if given.memory:
        print_memory(given, names)
        return
    seconds = measure(given, names)
    print(f"{'optimizer':24} {'ms (median)':>12} {'cost: over ' + given.baseline:>36}")
    for name, own in seconds.items():
        costs = [s / b for s, b in zip(own, seconds[given.baseline], strict=True)]
        print(f"{name:24} {1000 * statistics.median(own):12.2f} {cost_text(costs):>36}")
    if given.json:
        arguments = {k: str(v) for k, v in vars(given).items()}
        given.json.write_text(json.dumps({"arguments": arguments, "seconds": seconds}, indent=1))


if __name__ == "__main__":
    main()
