"""Bytes that a process sends in a training step, by formulas that the tests check against counted traffic.

`python -m fanion.scaling` prints the table of docs/scaling.md, `fanion scaling` draws it as well. A collective of B
bytes makes each of p processes send: all-reduce 2·B·(p − 1)/p, all-gather and reduce-scatter B·(p − 1)/p with B of all
together, all-to-all B·(p − 1)/p with B of its own (rings; trees send as much).
"""

from collections.abc import Sequence
from dataclasses import dataclass

_AGREEMENT = 32
"""Of the four numbers that processes agree on before a step."""


@dataclass(frozen=True)
class Payload:
    """What a process puts into the collectives of a step, in bytes."""

    all_reduce: float = 0.0
    all_to_all: float = 0.0

    def sent(self, processes: int) -> float:
        """What it sends of that."""
        return (2 * self.all_reduce + self.all_to_all) * (processes - 1) / processes

    def __add__(self, other: "Payload") -> "Payload":
        return Payload(self.all_reduce + other.all_reduce, self.all_to_all + other.all_to_all)


def columns(k: int, m: int, n: int) -> int:
    """Of the warm start that a rule keeps for k triplets of an m × n matrix."""
    return min(k + min(max(k // 2, 1), 4), m, n)


def direction(rule: str, m: int, n: int, processes: int, k: int = 1) -> Payload:
    """Of a float32 momentum, m × n with split rows, under a rule's default options.

    `rule`: signum, nsgd, neon, f-neon, fanion, f-fanion, d-fanion, dion, or muon, here with an owner for each matrix,
    and for the average process. ValueError for others.
    """
    if rule == "signum":
        return Payload()
    if rule == "nsgd":
        return Payload(8)
    if rule == "muon":
        return Payload(all_to_all=2 * 4 * m * n / processes)
    if rule == "dion":
        return Payload(4 * k * n + 8 * k * k if m >= n else 4 * k * (n + m) + 8 * k)
    if rule in ("neon", "f-neon", "fanion", "f-fanion", "d-fanion"):
        c = columns(1 if "neon" in rule else k, m, n)
        return Payload(4 * n * c + 8 * c * c + (8 if rule.startswith("f-") else 0))
    raise ValueError(
        f"rule = {rule!r} has no formula; those with one: signum, nsgd, muon, dion, neon, f-neon, fanion, "
        "f-fanion, d-fanion"
    )


def averaging(rule: str, m: int, n: int, k: int = 1) -> Payload:
    """Of a plain float32 m × n matrix whose gradients the step averages (`average_gradients`).

    `rule`: neon, fanion or dion; "adamw" for what AdamW steps, averaged whole. ValueError for others.
    """
    if rule == "adamw":
        return Payload(4 * m * n)
    if rule not in ("neon", "fanion", "dion"):
        raise ValueError(f"rule = {rule!r} does not average gradients; those that do: neon, fanion, dion, adamw")
    c = min(k, m, n) if rule == "dion" else columns(1 if rule == "neon" else k, m, n)
    return Payload(4 * c * (m + n))


def step(rule: str, shapes: Sequence[tuple[int, int]], processes: int, k: int = 1) -> Payload:
    """Of a step of matrices of these shapes, on one mesh."""
    return sum((direction(rule, m, n, processes, k) for m, n in shapes), Payload(_AGREEMENT))


@dataclass(frozen=True)
class Model:
    """A decoder: matrices of its blocks, and what else it has in embedding and head."""

    name: str
    layers: int
    block: tuple[tuple[int, int], ...]
    width: int
    others: int

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of all matrices that follow a rule."""
        return list(self.block) * self.layers

    @property
    def parameters(self) -> int:
        """In all."""
        return sum(m * n for m, n in self.shapes) + self.others


def _llama(name: str, layers: int, width: int, hidden: int, shared: int, vocabulary: int) -> Model:
    """`shared`: rows of keys and of values."""
    block = ((width, width), (shared, width), (shared, width), (width, width), (hidden, width), (hidden, width))
    return Model(name, layers, (*block, (width, hidden)), width, 2 * vocabulary * width)


MODELS = (
    Model("124M", 12, ((2304, 768), (768, 768), (3072, 768), (768, 3072)), 768, 50257 * 768),
    _llama("7B", 32, 4096, 11008, 4096, 32000),
    _llama("70B", 80, 8192, 28672, 1024, 128256),
    _llama("400B", 126, 16384, 53248, 1024, 128256),
)
"""GPT-2 small, and Llama's 7B, 70B and 405B."""


def gathered(shapes: Sequence[tuple[int, int]], processes: int) -> float:
    """Bytes that a process sends where every float32 momentum is gathered whole on all."""
    return sum(4 * m * n for m, n in shapes) * (processes - 1) / processes


def ddp(model: Model, processes: int) -> float:
    """Bytes of DistributedDataParallel: an all-reduce of bfloat16 gradients."""
    return 2 * 2 * model.parameters * (processes - 1) / processes


def fsdp(model: Model, processes: int) -> float:
    """Bytes of FSDP2: two all-gathers of bfloat16 parameters and a reduce-scatter of gradients."""
    return 3 * 2 * model.parameters * (processes - 1) / processes


def tensor_parallel(model: Model, processes: int, tokens: int = 8192) -> float:
    """Bytes of tensor parallelism on so many tokens: four all-reduces of bfloat16 activations a block."""
    return 4 * 2 * 2 * tokens * model.width * model.layers * (processes - 1) / processes


def sent(model: Model, processes: int, k: int = 8) -> dict[str, float]:
    """Bytes that a process sends a step: those of each engine, and beside them what each optimizer adds."""
    engines = {"DDP": ddp, "FSDP2": fsdp, "TP": tensor_parallel}
    rules = {"Muon": "muon", f"Dion {k}": "dion", f"D-Fanion {k}": "d-fanion", "Neon": "neon"}
    return {
        **{name: f(model, processes) for name, f in engines.items()},
        "gathering Muon": gathered(model.shapes, processes),
        **{name: step(rule, model.shapes, processes, k).sent(processes) for name, rule in rules.items()},
    }


def table(numbers: Sequence[int] = (8, 64, 1024, 10000), k: int = 8) -> str:
    """Megabytes of `sent` for each of `MODELS` and these numbers of processes; rows of the matrices are split."""
    head = ["model", "processes", *sent(MODELS[0], 2, k)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for model in MODELS:
        for p in numbers:
            cells = [f"{b / 1e6:,.0f}" if b >= 1e7 else f"{b / 1e6:,.1f}" for b in sent(model, p, k).values()]
            lines.append("| " + " | ".join([model.name, f"{p:,}", *cells]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
