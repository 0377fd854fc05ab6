"""Plain parameters whose gradients the step averages over a process group."""

from typing import Any

import torch

from fanion._optimizer_state import StatefulOptimizer
from fanion._spread import is_spread


def averaging_group(optimizer: StatefulOptimizer, group: Any) -> Any:
    """The process group given, or the default one for None. ValueError: there is none, or a parameter is a DTensor."""
    from torch import distributed as dist

    spread = sum(is_spread(p) for of_one in optimizer.param_groups for p in of_one["params"])
    if spread:
        raise ValueError(
            f"average_gradients is for plain parameters; {spread} are DTensors, whose engine averages gradients"
        )
    chosen = group if group is not None else dist.group.WORLD
    if chosen is None:
        raise ValueError("average_gradients needs a process group: call torch.distributed.init_process_group first")
    return chosen


@torch.no_grad()
def average_momenta(optimizer: StatefulOptimizer, group: Any) -> None:
    """Each momentum ← its mean over the processes of a group; nothing for None."""
    from torch import distributed as dist

    for of_one in optimizer.param_groups if group is not None else ():
        for p in of_one["params"] if of_one["algorithm"] == "lmo" else ():
            momentum = optimizer.state[p].get("momentum_buffer")
            if momentum is not None:
                wide = momentum.float() if momentum.dtype == torch.bfloat16 else momentum
                dist.all_reduce(wide, group=group)
                momentum.copy_(wide / group.size())
