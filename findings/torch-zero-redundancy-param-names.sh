#!/usr/bin/env bash
# torch 2.13.0, CPU: ZeroRedundancyOptimizer deals the parameters of a group out to the processes, but hands every process
# the group's whole list of param_names, so that names no longer stand beside their parameters.
#
# Guessed beforehand: param_names, which torch's optimizers keep beside params since 2.6, is dealt out with them, or the
# wrapper refuses groups that have it. (It does refuse named_parameters() itself.)
#
# Seen on x86-64 with two processes, no error and no warning: process 1's optimizer holds 1.weight, 0.bias, 1.bias with the
# names 0.weight, 0.bias, 1.weight, 1.bias; process 0's one parameter has all four. Whoever zips the two misnames them.
#
# fanion takes names for those of the parameters only where there are as many.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check --quiet install torch==2.13.0 numpy
cd "$folder"
cat > names.py <<'PYTHON'
import torch
from torch import distributed as dist
from torch import multiprocessing, nn
from torch.distributed.optim import ZeroRedundancyOptimizer


def local_group(rank: int, seen: multiprocessing.SimpleQueue) -> None:
    dist.init_process_group("gloo", store=dist.FileStore("store", 2), rank=rank, world_size=2)
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = torch.optim.SGD(model.named_parameters(), lr=0.1).param_groups
    group = ZeroRedundancyOptimizer(groups, optimizer_class=torch.optim.SGD, lr=0.1).optim.param_groups[0]
    seen.put((rank, [names[parameter] for parameter in group["params"]], group["param_names"]))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    seen = multiprocessing.get_context("spawn").SimpleQueue()
    multiprocessing.start_processes(local_group, (seen,), nprocs=2)
    everything = ["0.weight", "0.bias", "1.weight", "1.bias"]
    held = []
    for rank, own, given in sorted(seen.get() for _ in range(2)):
        print(f"torch {torch.__version__}, process {rank}: holds {own}, param_names {given}")
        assert given == everything != own, "param_names are now dealt out with the parameters"
        held += own
    assert sorted(held) == sorted(everything)
PYTHON
GLOO_SOCKET_IFNAME=lo "$folder/venv/bin/python" -W ignore names.py
