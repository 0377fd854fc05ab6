"""What each host runs: `python -m benchmarks.spread_step.process SETTINGS`.

For every line on standard input it measures once; the first process then prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

import fanion
from benchmarks.optimizer_step import Gradients
from benchmarks.spread_step.plain import GatheringMuon, PlainDion, orthogonalised

SHAPES = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]
GATHERING = "gathering Muon, plain"
PLAIN_DION = "Dion 8, plain"
GATHERINGS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    GATHERING: orthogonalised,
    "gathering, fanion's NS": lambda M: fanion.newton_schulz(M, dtype=torch.bfloat16).float(),
    "gathering alone": None,
}
PLAIN = (*GATHERINGS, PLAIN_DION)
COUNTER = Path("/sys/class/net/eth0/statistics/tx_bytes")
WARM_UP = 2
LR: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.0}
FANION: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "Muon": lambda p: fanion.Muon(p, **LR),
    "Dion 8": lambda p: fanion.Dion(p, k=8, **LR),
    "Fanion 8": lambda p: fanion.Fanion(p, k=8, **LR),
    "D-Fanion 8": lambda p: fanion.DFanion(p, k=8, **LR),
    "F-Fanion 8": lambda p: fanion.FFanion(p, k=8, **LR),
    "Neon": lambda p: fanion.Neon(p, **LR),
}
CONTESTANTS = (*PLAIN, *FANION)
SAME = {"Muon": GATHERING, "Dion 8": PLAIN_DION}
"""What steps as a plain one does: Dion's up to rounding, Muon's up to that of bfloat16."""


@dataclass
class Settings:
    """What all hosts measure."""

    blocks: int
    rounds: int
    names: list[str]

    def to_json(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self))


def rows_here(whole: torch.Tensor) -> torch.Tensor:
    """The rows of this process."""
    return whole.chunk(dist.get_world_size())[dist.get_rank()].clone()


class Contestant:
    """An optimizer with its own copy of the parameters."""

    def __init__(self, name: str, start: list[torch.Tensor], mesh: DeviceMesh) -> None:
        self.mesh = mesh
        self.start = [rows_here(W) for W in start]
        self.is_plain = name in PLAIN
        if not self.is_plain:
            spread = [distribute_tensor(W.clone(), mesh, [Shard(0)], src_data_rank=None) for W in start]
            self.params = [nn.Parameter(W) for W in spread]
            self.optimizer: Any = FANION[name](self.params)
            return
        self.params = [nn.Parameter(W.clone()) for W in self.start]
        if name in GATHERINGS:
            self.optimizer = GatheringMuon(self.params, GATHERINGS[name])
            return
        whole = [nn.Parameter(W) for W in start]
        starts = [state["warm_start"] for state in fanion.Dion(whole, k=8, **LR).state.values()]
        split = [Q if len(W) >= W.shape[1] else rows_here(Q[: len(W)]) for Q, W in zip(starts, start, strict=True)]
        self.optimizer = PlainDion(self.params, split)

    def take(self, grads: list[torch.Tensor]) -> None:
        """Gradients of the next step."""
        for p, g in zip(self.params, grads, strict=True):
            p.grad = rows_here(g) if self.is_plain else distribute_tensor(g, self.mesh, [Shard(0)], src_data_rank=None)

    def step(self) -> tuple[float, int]:
        """Seconds of the slowest process, and bytes that this one sent."""
        dist.barrier()
        sent, begin = int(COUNTER.read_text()), time.perf_counter()
        self.optimizer.step()
        seconds = torch.tensor([time.perf_counter() - begin])
        bytes_here = int(COUNTER.read_text()) - sent
        dist.all_reduce(seconds, dist.ReduceOp.MAX)
        return seconds.item(), bytes_here

    def blocks(self) -> list[torch.Tensor]:
        """The rows here of the parameters."""
        return [p.detach() if self.is_plain else p.detach().to_local() for p in self.params]  # type: ignore[attr-defined]


def apart(a: Contestant, b: Contestant) -> float:
    """‖a − b‖/‖b − start‖ over the rows of this process."""
    differ = sum(float((x - y).square().sum()) for x, y in zip(a.blocks(), b.blocks(), strict=True))
    moved = sum(float((y - s).square().sum()) for y, s in zip(b.blocks(), b.start, strict=True))
    return float((differ / moved) ** 0.5)


def transfer_gbit() -> float:
    """What a transfer from the first process to the second goes at."""
    x = torch.ones(2**23)
    dist.barrier()
    begin = time.perf_counter()
    if dist.get_rank() == 0:
        dist.send(x, 1)
    elif dist.get_rank() == 1:
        dist.recv(x, 0)
    seconds = torch.tensor([time.perf_counter() - begin if dist.get_rank() < 2 else 0.0])
    dist.all_reduce(seconds, dist.ReduceOp.MAX)
    return 8 * x.nbytes / 1e9 / seconds.item()


def measure(settings: Settings, contestants: dict[str, Contestant], gradients: Gradients) -> dict[str, Any]:
    """One bandwidth."""
    speed = transfer_gbit()
    seconds: dict[str, list[float]] = {name: [] for name in settings.names}
    sent: dict[str, list[int]] = {name: [] for name in settings.names}
    for number in range(WARM_UP + settings.rounds):
        shift = number % len(settings.names)
        for name in settings.names[shift:] + settings.names[:shift]:
            contestants[name].take(gradients.of(number))
            took, bytes_here = contestants[name].step()
            if number >= WARM_UP:
                seconds[name].append(took)
                sent[name].append(bytes_here)
    pairs = [(a, b) for a, b in SAME.items() if a in contestants and b in contestants]
    return {
        "transfer_gbit": speed,
        "seconds": seconds,
        "sent": {name: sum(of_one) / len(of_one) for name, of_one in sent.items()},
        "apart": {a: apart(contestants[a], contestants[b]) for a, b in pairs},
    }


def main() -> None:
    """Measures for every line it reads."""
    settings = Settings(**json.loads(sys.argv[1]))
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    generator = torch.Generator().manual_seed(0)
    shapes = SHAPES * settings.blocks
    start = [torch.randn(shape, generator=generator) * 0.02 for shape in shapes]
    gradients = Gradients(shapes, generator)
    contestants = {name: Contestant(name, start, mesh) for name in settings.names}
    for _ in sys.stdin:
        found = measure(settings, contestants, gradients)
        if dist.get_rank() == 0:
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
