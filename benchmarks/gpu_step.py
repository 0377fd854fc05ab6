"""What one optimizer step costs on an accelerator, beside torch's fused AdamW and torch's Muon.

    python benchmarks/gpu_step.py                    # GPT-2 small's 48 hidden matrices, and 6 blocks of 2048
    python benchmarks/gpu_step.py --sizes 12x768 --only Neon Muon --rounds 51
    python benchmarks/gpu_step.py --nonfinite error  # what the look for NaN costs
    python benchmarks/gpu_step.py --device cpu --sizes 1x64 --rounds 2  # that it runs

Prints ms a step, as times the fused AdamW's and torch Muon's, eagerly and replayed as a CUDA graph. A graph takes
`--nonfinite ignore`, the default: what a step finds is copied to the host, which a graph does not do. The clock stands
around a step and a wait for the device; medians over rounds in which every optimizer steps once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import fanion

Make = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]
LR: dict[str, Any] = {"lr": 1e-3, "weight_decay": 0.0}


def rules(nonfinite: str) -> dict[str, Make]:
    """The table's optimizers."""
    own = {**LR, "nonfinite": nonfinite}
    return {
        "torch AdamW fused": lambda p: torch.optim.AdamW(p, fused=True, **LR),
        "torch AdamW": lambda p: torch.optim.AdamW(p, **LR),
        "torch Muon": lambda p: torch.optim.Muon(p, **LR),
        "Neon, one pass": lambda p: fanion.Neon(p, passes=1, oversample=0, **own),
        "Neon": lambda p: fanion.Neon(p, **own),
        "F-Neon": lambda p: fanion.FNeon(p, **own),
        "NSGD": lambda p: fanion.NSGD(p, **own),
        "Signum": lambda p: fanion.Signum(p, **own),
        "Fanion-8": lambda p: fanion.Fanion(p, k=8, **own),
        "Fanion-8, no oversample": lambda p: fanion.Fanion(p, k=8, oversample=0, **own),
        "D-Fanion-8": lambda p: fanion.DFanion(p, k=8, **own),
        "Dion-8": lambda p: fanion.Dion(p, k=8, **own),
        "Muon": lambda p: fanion.Muon(p, **own),
        "Muon, Gram form": lambda p: fanion.Muon(p, ns_form="gram", **own),
    }


def parameters(blocks: int, width: int, device: str) -> list[torch.nn.Parameter]:
    """The hidden matrices of a transformer, with gradients."""
    generator = torch.Generator(device).manual_seed(0)
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * blocks
    made = []
    for shape in shapes:
        p = torch.nn.Parameter(torch.randn(shape, device=device, generator=generator) * 0.02)
        p.grad = torch.randn(shape, device=device, generator=generator) * 1e-3
        made.append(p)
    return made


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device != "cpu":
        torch.accelerator.synchronize()


def as_graph(step: Callable[[], Any]) -> Callable[[], Any]:
    """The step as a CUDA graph's replay."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def medians(steps: dict[str, Callable[[], Any]], rounds: int, device: str) -> dict[str, float]:
    """Milliseconds of each, taken in turn."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(rounds + 3):
        for name, step in steps.items():
            wait(device)
            start = time.perf_counter()
            step()
            wait(device)
            if round_ >= 3:
                taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def table(blocks: int, width: int, given: argparse.Namespace) -> None:
    """Prints the table of one size; the optimizers are made one by one, for all at once would not fit every device."""
    device: str = given.device
    print(f"{blocks} x {width}, float32, nonfinite={given.nonfinite}")
    print(f"{'':26}{'ms':>9}{'x AdamW':>9}{'x Muon':>9}{'graph ms':>10}")
    first: dict[str, float] = {}
    for name, make in rules(given.nonfinite).items():
        if given.only and name not in given.only and name not in ("torch AdamW fused", "torch Muon"):
            continue
        optimizer = make(parameters(blocks, width, device))
        step = lambda optimizer=optimizer: optimizer.step()  # noqa: E731
        eager = medians({name: step}, given.rounds, device)[name]
        first[name] = eager
        graph = ""
        if device == "cuda" and given.nonfinite == "ignore" and not name.startswith("torch"):
            try:
                graph = f"{medians({name: as_graph(step)}, given.rounds, device)[name]:10.2f}"
            except Exception as error:  # what cannot be captured is a line of the table
                graph = f"  {type(error).__name__}: {str(error).splitlines()[0][:60]}"
        muon = f"{eager / first['torch Muon']:9.2f}" if "torch Muon" in first else f"{'':9}"
        print(f"{name:26}{eager:9.2f}{eager / first['torch AdamW fused']:9.2f}{muon}{graph}", flush=True)


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["12x768", "6x2048"], help="BLOCKSxWIDTH")
    parser.add_argument("--only", nargs="+", help="these rules, beside torch's fused AdamW and Muon")
    parser.add_argument("--nonfinite", default="ignore", choices=["ignore", "error", "skip"])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    name = torch.cuda.get_device_name() if given.device == "cuda" else given.device
    print(f"fanion {fanion.__version__}, torch {torch.__version__}, {name}")
    for size in given.sizes:
        blocks, width = (int(x) for x in size.split("x"))
        table(blocks, width, given)


if __name__ == "__main__":
    main()
