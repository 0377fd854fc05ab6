"""Optimizer state in files that C++ reads and writes: `torch::save(optimizer, path)` and `torch::load` there."""

import os
from typing import Any

from fanion._library import ops
from fanion._optimizer_state import StatefulOptimizer
from fanion._parameter import label
from fanion._spread import is_spread


def save_for_cpp(optimizer: StatefulOptimizer, path: str | os.PathLike[str]) -> None:
    """Writes the state as `torch::save` of C++'s `optim::LmoOptimizer` does, for `torch::load` there.

    >>> fanion.save_for_cpp(optimizer, "optimizer.pt")           # torch::load(optimizer, "optimizer.pt") in C++

    Of a C++ optimizer with the same parameters in the same groups, in the same order, under the same rules. Options
    such as the learning rate are not in the file, as they are not in C++'s. ValueError: DTensors.
    """
    tensors = {}
    for index, group in enumerate(optimizer.param_groups):
        for i, parameter in enumerate(group["params"]):
            if is_spread(parameter):
                raise ValueError(f"{label(group, index, i)} is a DTensor; C++ takes whole parameters")
            for kind, tensor in optimizer.state[parameter].items():
                tensors[f"{index}.{i}.{kind}"] = tensor
    ops.write_archive(os.fspath(path), list(tensors), list(tensors.values()))


def state_dict_from_cpp(optimizer: StatefulOptimizer, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state_dict of `optimizer` with state from a file that `torch::save(optimizer, path)` of C++ wrote.

    >>> optimizer.load_state_dict(fanion.state_dict_from_cpp(optimizer, "optimizer.pt"))

    Parameters are told apart by group and place, as in C++; options are those that `optimizer` has. ValueError: state
    of a parameter that the optimizer has not; what does not fit is refused by `load_state_dict`.
    """
    places = [(g, i) for g, group in enumerate(optimizer.param_groups) for i in range(len(group["params"]))]
    numbers = {place: number for number, place in enumerate(places)}
    state: dict[int, Any] = {}
    for name, tensor in zip(*ops.read_archive(os.fspath(path)), strict=True):
        group, i, kind = name.split(".")
        if (int(group), int(i)) not in numbers:
            raise ValueError(f"{os.fspath(path)} has {name}, and the optimizer no parameter {i} of group {group}")
        state.setdefault(numbers[int(group), int(i)], {})[kind] = tensor
    groups = []
    for g, group in enumerate(optimizer.param_groups):
        own = {key: value for key, value in group.items() if key != "params"}
        groups.append({**own, "params": [number for (of, _), number in numbers.items() if of == g]})
    return {"state": state, "param_groups": groups}
