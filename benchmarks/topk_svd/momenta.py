"""Gradients and momenta of a training of a GPT of width 768, kept step by step in benchmarks/.cache.

Two blocks (RMSNorm, rotary attention with fused q, k, v, squared-ReLU MLP), bytes of data/tinyshakespeare.txt, Muon
with an exponential average of β = 0.95. Of the second block: `out` (768 × 768), `down` (768 × 3072) and `qkv`
(2304 × 768).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import fanion
from benchmarks.topk_svd import cache

TEXT = Path(__file__).parents[2] / "data" / "tinyshakespeare.txt"
WIDTH, HEADS, BLOCKS, CONTEXT, BATCH = 768, 6, 2, 128, 8
STEPS, KEPT = 100, 40
SHAPES = {"out": (WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH), "qkv": (3 * WIDTH, WIDTH)}
KINDS = ("momentum", "gradient")


def steps() -> range:
    """The steps that are kept, counted from 1."""
    return range(STEPS - KEPT + 1, STEPS + 1)


def matrix(kind: str, shape: str, step: int) -> NDArray[np.float32]:
    """One of them; the training runs where it has not. ValueError where there is none such."""
    if kind not in KINDS or shape not in SHAPES or step not in steps():
        raise ValueError(
            f"no {kind}:{shape}:{step}; there are {' and '.join(KINDS)} of {', '.join(SHAPES)}, "
            f"steps {steps()[0]} to {steps()[-1]}"
        )
    file = _file(kind, shape, step)
    if not file.is_file():
        train()
    kept: NDArray[np.float32] = np.load(file)
    return kept


def train() -> None:
    """Runs the training, about two minutes on two cores, and keeps the last KEPT steps."""
    torch.manual_seed(0)
    data = torch.frombuffer(bytearray(TEXT.read_bytes()), dtype=torch.uint8)
    model = Gpt()
    groups = fanion.param_groups(model, head="head", verbose=False)
    optimizer = fanion.Muon(groups, lr=0.02, momentum=0.95, weight_decay=0.0, adamw_lr=3e-3)
    last = model.blocks[-1]
    assert isinstance(last, Block)
    watched = {"out": last.out.weight, "down": last.down.weight, "qkv": last.qkv.weight}
    for step in range(1, STEPS + 1):
        starts = torch.randint(len(data) - CONTEXT - 1, (BATCH, 1))
        tokens = data[starts + torch.arange(CONTEXT + 1)].long()
        loss = functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        print(f"\rtraining for gradients and momenta: step {step}/{STEPS}, loss {loss.item():.3f}", end="", flush=True)
        if step in steps():
            for shape, weight in watched.items():
                assert weight.grad is not None
                _keep("gradient", shape, step, weight.grad)
                _keep("momentum", shape, step, optimizer.state[weight]["momentum_buffer"])
    print()


def _file(kind: str, shape: str, step: int) -> Path:
    return cache.path(f"training/{kind}-{shape}-{step}.npy")


def _keep(kind: str, shape: str, step: int, tensor: Tensor) -> None:
    np.save(_file(kind, shape, step), tensor.detach().numpy())


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        """x: (B, T, WIDTH); turn: (T, WIDTH / HEADS / 2), complex."""
        q, k, v = (z.unflatten(-1, (HEADS, -1)).transpose(1, 2) for z in self.qkv(self.norm1(x)).chunk(3, -1))
        y = functional.scaled_dot_product_attention(rotated(q, turn), rotated(k, turn), v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        hidden: Tensor = functional.relu(self.up(self.norm2(x))).square()
        result: Tensor = x + self.down(hidden)
        return result


class Gpt(nn.Module):
    """Bytes in, logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.RMSNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 256, bias=False)
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(CONTEXT), 1e4 ** (-torch.arange(half) / half))
        self.turn = torch.polar(torch.ones_like(angles), angles)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, 256) of the next bytes."""
        x = functional.rms_norm(self.embedding(tokens), (WIDTH,))
        for block in self.blocks:
            x = block(x, self.turn)
        logits: Tensor = self.head(self.norm(x))
        return logits


def rotated(x: Tensor, turn: Tensor) -> Tensor:
    """Rotary positions after a norm of q or k: (B, HEADS, T, width of a head)."""
    pairs = torch.view_as_complex(functional.rms_norm(x, x.shape[-1:]).reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turn).flatten(-2)
