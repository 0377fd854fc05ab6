"""Warm starts, which have as many columns as their rule has use for."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from fanion._optimizer_state import State, StatefulOptimizer, initial_state, needed_state
from fanion._parameter import label
from fanion._spread import block


def resized(warm: Tensor, needed: Tensor, first: Callable[[], State]) -> Tensor:
    """A warm start with as many columns as `needed`, whose values do not count.

    The leading columns stay, and further ones are those that `first` makes, also in place of the zeros that fill up
    the smaller of several matrices. Unchanged where anything but the columns differs.
    """
    if warm.ndim != needed.ndim or warm.shape[:-1] != needed.shape[:-1] or warm.shape[-1] == needed.shape[-1]:
        return warm
    columns = min(warm.shape[-1], needed.shape[-1])
    result = first()["warm_start"]
    old, new = block(warm)[..., :columns], block(result)[..., :columns]
    new.copy_(torch.where((old != 0).any(-2, keepdim=True), old, new))
    return result


def fit_warm_starts(optimizer: StatefulOptimizer) -> None:
    """Gives warm starts as many columns as the groups' rules need; changes none unless all can be made."""
    new = {}
    for index, group in enumerate(optimizer.param_groups):
        for i, p in enumerate(group["params"] if group["algorithm"] == "lmo" else []):
            named = label(group, index, i)
            needed = needed_state(optimizer, p, group, named)
            first = partial(initial_state, optimizer, p, group, named)
            if "warm_start" in optimizer.state[p]:
                new[p] = resized(optimizer.state[p]["warm_start"], needed["warm_start"], first)
    for p, warm in new.items():
        optimizer.state[p]["warm_start"] = warm
