#!/usr/bin/env bash
# torch 2.13.0, CPU: destroy_process_group() ends the threads of a Gloo group, but not once a model was given to
# fully_shard (FSDP2), however thoroughly the model is let go of first.
#
# Guessed beforehand: with the model and the optimizer gone, gc.collect() done and destroy_process_group() called, nothing
# of the group is left, as without FSDP2.
#
# Seen on x86-64, one process: two threads "pt_gloo_runloop" after init_process_group and a collective; none after
# destroy_process_group. The same around fully_shard(nn.Linear(8, 8)): two are still there. What holds the group is
# the device mesh in the DTensorSpecs that DTensor's caches keep.
#
# It matters where a program ends: such a thread may let go of a collective's tensors only after the interpreter has begun to
# shut down, and the process then aborts ("terminate called without an active exception", exit code -6) after all of its
# work was done. It takes a busy machine; a barrier before destroy_process_group does not prevent it.
#
# fanion's example (examples/python/train_fsdp2.py) therefore leaves by os._exit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check --quiet install torch==2.13.0 numpy
cd "$folder"
GLOO_SOCKET_IFNAME=lo "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import gc
from pathlib import Path

import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard


def gloo_threads() -> int:
    names = [task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return names.count("pt_gloo_runloop")


def after_a_group(shard: bool) -> tuple[int, int]:
    store = dist.HashStore()
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    dist.all_reduce(torch.ones(3))
    if shard:
        fully_shard(nn.Linear(8, 8))
    gc.collect()
    during = gloo_threads()
    dist.destroy_process_group()
    gc.collect()
    return during, gloo_threads()


plain, sharded = after_a_group(False), after_a_group(True)
print(f"torch {torch.__version__}, Gloo's threads with a group and after it: {plain}, with fully_shard: {sharded}")
assert plain[0] > 0 and plain[1] == 0, "a plain group's threads no longer end with it"
assert sharded[1] == sharded[0] > 0, "the threads of a group that fully_shard has seen now end with it"
PYTHON
