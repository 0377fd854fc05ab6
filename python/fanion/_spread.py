"""Parameters spread over processes, as torch's DTensors are: their blocks here, and those of their state."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def is_spread(tensor: Tensor) -> bool:
    """Whether a tensor is a DTensor, of which this process has a block."""
    return hasattr(tensor, "placements")


def is_here(parameter: Tensor) -> bool:
    """Whether this process has a part in a parameter: it is no DTensor, or one of a mesh that the process is in."""
    return not is_spread(parameter) or parameter.device_mesh.get_coordinate() is not None  # type: ignore[attr-defined]


def block(tensor: Tensor) -> Tensor:
    """What this process has of a DTensor; another tensor itself."""
    if not is_spread(tensor):
        return tensor
    local = tensor.to_local()  # type: ignore[attr-defined]
    return local.wait() if hasattr(local, "wait") else local  # type: ignore[no-any-return]


def whole(tensor: Tensor) -> Tensor:
    """A DTensor's whole, gathered by all processes of its mesh; another tensor itself."""
    return tensor.full_tensor() if is_spread(tensor) else tensor  # type: ignore[attr-defined]


def check_placements(parameter: Tensor, named: str) -> None:
    """ValueError unless every axis of the mesh splits a DTensor along a dimension or replicates it."""
    for placement in parameter.placements:  # type: ignore[attr-defined]
        if not (placement.is_replicate() or _dimension(placement) >= 0):
            raise ValueError(f"{named} is a DTensor placed as {placement}; the steps take Shard and Replicate")


def gradient(parameter: Tensor) -> Tensor | None:
    """The block here of a parameter's gradient, placed as the parameter is."""
    grad = parameter.grad
    if grad is None or not is_spread(parameter):
        return grad
    if is_spread(grad) and grad.placements != parameter.placements:  # type: ignore[attr-defined]
        grad = grad.redistribute(placements=parameter.placements)  # type: ignore[attr-defined]
    return block(grad)


def spread_text(parameter: Tensor, averaging: Any = None) -> str:
    """How a parameter is spread, as the library reads it (lib/fanion/distributed/spread.h); "" where it is not.

    `averaging`: the process group over which a plain parameter's gradient is still to be averaged, or None.
    """
    if not is_spread(parameter):
        if averaging is None:
            return ""
        unused = ",".join("0" * averaging.size())
        return f"{','.join(map(str, parameter.shape))};-2:{averaging.rank()}:{unused}:{averaging.group_name}"
    mesh, place = parameter.device_mesh, parameter.device_mesh.get_coordinate()  # type: ignore[attr-defined]
    sizes, axes = list(parameter.shape), []
    for axis, placement in enumerate(parameter.placements):  # type: ignore[attr-defined]
        dimension, processes = _dimension(placement), mesh.size(axis)
        shares = [0] * processes
        if dimension >= 0:  # as torch.chunk, what earlier axes have left
            most = -(-sizes[dimension] // processes)
            shares = [max(0, min(most, sizes[dimension] - r * most)) for r in range(processes)]
            sizes[dimension] = shares[place[axis]]
        group = mesh.get_group(axis).group_name
        axes.append(f"{dimension}:{place[axis]}:{','.join(map(str, shares))}:{group}")
    return ";".join([",".join(map(str, parameter.shape)), *axes])


def spread_state(kind: str, tensor: Tensor, parameter: Tensor, group: Mapping[str, Any]) -> Tensor:
    """A state tensor of a DTensor, of which `tensor` is the block here, or for the warm start the whole."""
    if not is_spread(parameter) or tensor.ndim == 0:
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    placements = _placements(kind, tensor, parameter, group)
    mesh = parameter.device_mesh  # type: ignore[attr-defined]
    if kind == "warm_start":
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None)
    shape = list(parameter.shape)
    leading, rows, _ = _held(parameter, group)
    if kind == "second_moment":
        own = shape[leading:]
        columns = math.prod(own) // shape[rows] if shape[rows] else 0
        shape = [*shape[:leading], shape[rows], 1 if tensor.shape[-1] == 1 else columns]
    elif kind == "momentum_step":
        shape = [*shape[:leading], *tensor.shape[leading:]]
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(tensor, mesh, placements, run_check=False, shape=torch.Size(shape), stride=stride)


def as_state_of(kind: str, value: Tensor, parameter: Tensor, group: Mapping[str, Any]) -> Tensor:
    """State from a checkpoint as the parameter's: whole, or spread as its own. Collective where it was spread."""
    if value.ndim == 0 or not (is_spread(value) or is_spread(parameter)):
        return value
    if not is_spread(parameter):
        return whole(value)
    from torch.distributed.tensor import distribute_tensor

    placements = _placements(kind, value, parameter, group)
    mesh = parameter.device_mesh  # type: ignore[attr-defined]
    if is_spread(value):
        same = value.device_mesh == mesh and list(value.placements) == list(placements)  # type: ignore[attr-defined]
        if same:
            return value
        value = whole(value)
    return distribute_tensor(value.to(parameter.device), mesh, placements, src_data_rank=None)


def _held(parameter: Tensor, group: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Dimensions in front of a parameter's matrices, the one that counts rows, and whether these are split."""
    leading = 0 if group.get("flatten", True) else parameter.ndim - 2
    is_split = len(group.get("split_sizes") or ()) > 1 or (group.get("num_heads") or 1) > 1
    return leading, leading + bool(group.get("transposed", False)), is_split


def _placements(kind: str, tensor: Tensor, parameter: Tensor, group: Mapping[str, Any]) -> Sequence[Any]:
    """Where a state tensor of this kind lies, by the axes of the parameter's mesh.

    ValueError: a warm start along the columns of a convolution, whose blocks no placement describes.
    """
    from torch.distributed.tensor import Replicate

    placements = parameter.placements  # type: ignore[attr-defined]
    if kind not in ("warm_start", "second_moment", "momentum_step"):
        return placements  # type: ignore[no-any-return]
    leading, rows, is_split = _held(parameter, group)
    found = []
    for placement in placements:
        dimension = _dimension(placement)
        of_state = -1
        if 0 <= dimension < leading:
            of_state = dimension
        elif kind == "warm_start" and dimension >= 0 and dimension != rows and tensor.numel() > 0:
            if parameter.ndim - leading > 2:
                raise ValueError(
                    f"it has shape {tuple(parameter.shape)} and is split along dimension {dimension}; rules that keep "
                    "a warm start take convolutions that are split along dimension 0"
                )
            of_state = leading + is_split  # its rows are the matrix's columns
        elif kind == "second_moment" and dimension >= 0:
            of_state = leading + (dimension != rows)
        found.append(_along(placement, of_state) if of_state >= 0 else Replicate())
    return found


def _dimension(placement: Any) -> int:
    """What a placement splits, −1 for nothing."""
    return getattr(placement, "dim", -1)


def _along(placement: Any, dimension: int) -> Any:
    """The same kind of split along another dimension."""
    more: Mapping[str, Any] = {"split_factor": placement.split_factor} if hasattr(placement, "split_factor") else {}
    return type(placement)(dimension, **more)
