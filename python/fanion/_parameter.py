"""Which tensors can be optimized, and what errors call them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from fanion._spread import check_placements, is_spread

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def names_of(group: Mapping[str, Any]) -> list[str] | None:
    """The names given with the parameters; None without, or where there are not as many.

    torch's ZeroRedundancyOptimizer leaves a process some of a group's parameters and the names of all.
    """
    names = group.get("param_names")
    if names is None or len(names) != len(group["params"]):
        return None
    return [str(name) for name in names]


def name_of(group: Mapping[str, Any], i: int) -> str:
    """The name given with the parameter, else an empty text."""
    names = names_of(group)
    return names[i] if names else ""


def label(group: Mapping[str, Any], group_index: int, i: int) -> str:
    """`parameter 'blocks.0.weight'`, or `parameter 3 of group 0 (shape (5,))` where there are no names."""
    if names := names_of(group):
        return f"parameter '{names[i]}'"
    parameter = group["params"][i]
    shape = "none yet" if is_lazy(parameter) else tuple(parameter.shape)
    return f"parameter {i} of group {group_index} (shape {shape})"


def check_parameter(parameter: Tensor, group: Mapping[str, Any], named: str) -> None:
    """ValueError unless the parameter has a dtype and a shape that the group's algorithm can work on."""
    algorithm, transposed = group["algorithm"], group.get("transposed", False)
    if is_lazy(parameter):
        raise ValueError(f"{named} is not initialised; run the lazy module once before making the optimizer")
    if parameter.dtype not in DTYPES:
        allowed = ", ".join(str(dtype) for dtype in DTYPES)
        raise ValueError(f"{named} is {parameter.dtype}; the steps take {allowed}")
    if parameter.layout != torch.strided:
        raise ValueError(f"{named} has layout {parameter.layout}; the steps take dense (strided) parameters")
    if is_spread(parameter):
        check_placements(parameter, named)
    if algorithm == "lmo" and parameter.ndim < 2:
        raise ValueError(
            f"{named} has shape {tuple(parameter.shape)}; a matrix rule needs at least 2 dimensions. "
            "fanion.param_groups(model) puts such parameters into a group with algorithm='adamw'"
        )
    if transposed not in (True, False):
        raise ValueError(f"transposed = {transposed!r} must be True or False")
    matrices = parameter.ndim == 2 or (parameter.ndim > 2 and group.get("flatten") is False)
    if transposed and (algorithm != "lmo" or not matrices):
        raise ValueError(
            f"{named} has shape {tuple(parameter.shape)} in a group with algorithm={algorithm!r} and transposed=True; "
            "that is for matrices under a rule, stored as in × out, and with flatten=False for stacks of them"
        )
