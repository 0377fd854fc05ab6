"""State tensors from a checkpoint, checked against what the optimizer needs."""

from collections.abc import Mapping
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
    what the optimizer has after loading.
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
            restored[parameter] = _fitted(saved["state"].get(key, {}), needed, parameter.device, named)
    return restored


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
