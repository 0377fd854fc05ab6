"""A language model's blocks under FSDP2, stepped in place.

torchrun --nproc-per-node 2 examples/python/train_fsdp2.py [--checkpoint FOLDER]

Every process holds a part of the rows of every parameter, of its gradient and of its optimizer state. The loss is that
of one process with all of the batch, whatever the number of processes.
"""

import argparse
import os
import sys
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch import distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.fsdp import fully_shard

import fanion

VOCABULARY, WIDTH, LENGTH, BATCH, STEPS = 64, 48, 16, 8, 10


class Model(nn.Module):
    """Two blocks between embedding and head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        layers = [nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True) for _ in range(2)]
        self.blocks = nn.ModuleList(layers)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (batch, length, vocabulary) of the next tokens."""
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device)
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        return self.head(x)


def batch(step: int, device: torch.device) -> torch.Tensor:
    """The share of this process in the tokens of a step, the same on all."""
    generator = torch.Generator().manual_seed(step)
    start = torch.randint(VOCABULARY, (BATCH, 1), generator=generator)
    tokens = (start + 3 * torch.arange(LENGTH + 1)) % VOCABULARY
    return tokens.tensor_split(dist.get_world_size())[dist.get_rank()].to(device)


def main() -> None:
    """Trains, and says the loss at every step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", help="folder to go on from, if it is there, and to write at the end")
    folder = parser.parse_args().checkpoint

    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")

    torch.manual_seed(0)  # the same weights everywhere, of which each process keeps its rows
    model = Model().to(device)
    for block in model.blocks:
        fully_shard(block)
    fully_shard(model)
    groups = fanion.param_groups(model, verbose=dist.get_rank() == 0)
    optimizer = fanion.DFanion(groups, k=4, lr=0.02, adamw_lr=3e-3)

    if folder and (Path(folder) / ".metadata").exists():
        weights, state = get_state_dict(model, optimizer)
        dcp.load({"model": weights, "optimizer": state}, checkpoint_id=folder)
        set_state_dict(model, optimizer, model_state_dict=weights, optim_state_dict=state)

    for step in range(STEPS):
        tokens = batch(step, device)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        dist.all_reduce(loss, dist.ReduceOp.SUM)
        if dist.get_rank() == 0:
            print(f"step {step}: loss {loss.item() / dist.get_world_size():.6f}", flush=True)

    if folder:
        weights, state = get_state_dict(model, optimizer)
        dcp.save({"model": weights, "optimizer": state}, checkpoint_id=folder)
    dist.destroy_process_group()
    if not on_gpu:
        # Gloo's threads outlive the group of a sharded model, and abort a process whose interpreter ends before they have
        # let go of their tensors (torch 2.13).
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
