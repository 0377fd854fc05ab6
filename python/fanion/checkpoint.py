"""State tensors from a checkpoint, checked against what the optimizer needs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fanion.parameter import label

if TYPE_CHECKING:
    from fanion.optimizer import LmoOptimizer, State


def restored_state(optimizer: "LmoOptimizer", saved: Mapping[str, Any]) -> dict[Tensor, "State"]:
    """A copy of the saved state for every parameter, on its device and in the dtype the rule keeps it in.

    torch's own loader casts state to the parameter's dtype, which would round a bfloat16 parameter's float32
    momentum. Changes nothing. ValueError names the group or parameter whose saved options or state do not fit:
    another algorithm, missing options or tensors, other shapes. The saved options decide what fits, as they are
    what the optimizer has after loading; where their k is not the one that the warm starts were saved with, those get
    as many columns as it needs.
    """
    groups, saved_groups = optimizer.param_groups, saved["param_groups"]
    if [len(g["params"]) for g in groups] != [len(g["params"]) for g in saved_groups]:
        return {}  # torch refuses these, with its own message
    restored = {}
    for index, (group, saved_group) in enumerate(zip(groups, saved_groups, strict=True)):
        _check_options(optimizer, index, group, saved_group)
        for i, (parameter, key) in enumerate(zip(group["params"], saved_group["params"], strict=True)):
            named = label(group, index, i)
            needed = optimizer._initial_state(torch.empty_like(parameter, device="meta"), saved_group, named)
            values = dict(saved["state"].get(key, {}))
            if "warm_start" in needed:
                if needed["warm_start"].numel() == 0:
                    values.setdefault("warm_start", torch.empty(needed["warm_start"].shape))  # torch's Muon has none
                if "warm_start" in values:
                    first = partial(optimizer._initial_state, parameter, saved_group, named)
                    values["warm_start"] = resized(values["warm_start"], needed["warm_start"], first)
            restored[parameter] = _fitted(values, needed, parameter.device, named)
    return restored


def resized(warm: Tensor, needed: Tensor, first: Callable[[], "State"]) -> Tensor:
    """A warm start with as many columns as `needed`, whose values do not count.

    The leading columns stay, and further ones are those that `first` makes. Unchanged where rows differ.
    """
    if warm.ndim != 2 or warm.shape[0] != needed.shape[0] or warm.shape[1] == needed.shape[1]:
        return warm
    columns = min(warm.shape[1], needed.shape[1])
    result = first()["warm_start"]
    result[:, :columns] = warm[:, :columns]
    return result


def _check_options(
    optimizer: "LmoOptimizer", index: int, group: Mapping[str, Any], saved_group: Mapping[str, Any]
) -> None:
    try:
        algorithm = saved_group["algorithm"]
        optimizer._arguments(saved_group)
    except KeyError as missing:
        raise ValueError(
            f"group {index} of the checkpoint has no option {missing}; it was not saved by {type(optimizer).__name__}"
        ) from missing
    if algorithm != group["algorithm"]:
        raise ValueError(
            f"group {index} of the checkpoint has algorithm='{algorithm}', the optimizer's '{group['algorithm']}'"
        )


def _fitted(values: Mapping[str, Tensor], needed: "State", device: torch.device, named: str) -> "State":
    if values.keys() != needed.keys():
        raise ValueError(f"{named}: the checkpoint has the state {sorted(values)}, needed is {sorted(needed)}")
    for kind, like in needed.items():
        found, shape = tuple(values[kind].shape), tuple(like.shape)
        if found != shape:
            raise ValueError(f"{named}: {kind} has shape {found} in the checkpoint, needed is {shape}")
    return {kind: values[kind].to(device=device, dtype=like.dtype, copy=True) for kind, like in needed.items()}
