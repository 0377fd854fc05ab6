"""State tensors from a checkpoint, checked against what the optimizer needs."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from fanion._optimizer_state import State, StatefulOptimizer, check_options, initial_state, needed_state
from fanion._options import STEP_OPTIONS
from fanion._parameter import label, names_of
from fanion._spread import as_state_of
from fanion._torch_checkpoint import completed
from fanion._warm_starts import resized


@contextmanager
def restoring(optimizer: Any) -> Iterator[None]:
    """Inside, torch's `load_state_dict` of `optimizer`, a `StatefulOptimizer`, takes what `restored_state` makes of it.

    By hooks, so that the caller's own hooks see and change what they would in any torch optimizer.
    """
    names = [{k: v for k, v in group.items() if k in ("param_names", "why")} for group in optimizer.param_groups]
    loaded: dict[Tensor, State] = {}

    def load(_: torch.optim.Optimizer, saved: Mapping[str, Any]) -> Any:
        saved = completed(optimizer, saved)
        loaded.update(restored_state(optimizer, saved))
        return saved

    def finish(_: torch.optim.Optimizer) -> None:
        optimizer.state.update(loaded)
        for group, own in zip(optimizer.param_groups, names, strict=True):
            group.update(own)  # torch has taken the saved ones
            for name, option in STEP_OPTIONS.items() if group["algorithm"] == "lmo" else ():
                group.setdefault(name, option.default)  # what an older version did without saying so

    before = optimizer.register_load_state_dict_pre_hook(load)
    after = optimizer.register_load_state_dict_post_hook(finish, prepend=True)
    try:
        yield
    finally:
        before.remove()
        after.remove()


def restored_state(optimizer: StatefulOptimizer, saved: Mapping[str, Any]) -> dict[Tensor, State]:
    """A copy of the saved state for every parameter, on its device and in the dtype the rule keeps it in.

    torch's own loader casts state to the parameter's dtype, which would round a bfloat16 parameter's float32
    momentum. Changes nothing. ValueError names the group or parameter whose saved options or state do not fit:
    another algorithm, missing options, other kinds or shapes, names that contradict each other. The saved options
    decide what fits, as they are what the optimizer has after loading; where their k is not the one that the warm
    starts were saved with, those get as many columns as it needs. A kind of state that is missing is made fresh,
    with a warning; without one where a frozen parameter has none at all, as in torch's distributed checkpoints.
    """
    groups, saved_groups = optimizer.param_groups, saved["param_groups"]
    ours, theirs = ([len(g["params"]) for g in some] for some in (groups, saved_groups))
    if ours != theirs:
        if sum(ours) == sum(theirs) and any(g.get("split_sizes") or g.get("flatten") is False for g in groups):
            raise ValueError(
                f"the checkpoint has groups of {theirs} parameters, the optimizer of {ours}, some split into "
                "matrices; fanion.param_groups(model, split=False) makes groups as before there were such"
            )
        return {}  # torch refuses these, with its own message
    restored = {}
    keys = _saved_keys(groups, saved_groups)
    for index, (group, saved_group) in enumerate(zip(groups, saved_groups, strict=True)):
        _check_options(optimizer, index, group, saved_group)
        for i, parameter in enumerate(group["params"]):
            named = label(group, index, i)
            values = dict(saved["state"].get(keys[parameter], {}))
            values |= {k: torch.tensor(v) for k, v in values.items() if isinstance(v, Real)}  # AdamW's step, once
            values = {k: as_state_of(k, v, parameter, saved_group) for k, v in values.items()}
            needed = needed_state(optimizer, parameter, saved_group, named)
            first = partial(initial_state, optimizer, parameter, saved_group, named)
            if "warm_start" in needed and "warm_start" in values:
                values["warm_start"] = resized(values["warm_start"], needed["warm_start"], first)
            restored[parameter] = _fitted(values, needed, first, parameter, named)
    return restored


def _saved_keys(groups: Any, saved_groups: Any) -> dict[Tensor, Any]:
    """The key of each parameter's state in the checkpoint: by name where both sides have names, else by place.

    Names may come in another order, or all differ (a prefix, say). ValueError where some are the same and stand
    elsewhere while others have no counterpart: then neither names nor places can be trusted.
    """
    places = [p for group in groups for p in group["params"]]
    keys = [key for group in saved_groups for key in group["params"]]
    own = [name for group in groups for name in names_of(group) or ()]
    theirs = [name for group in saved_groups for name in names_of(group) or ()]
    by_place = dict(zip(places, keys, strict=True))
    if len(own) != len(places) or len(theirs) != len(keys) or own == theirs:
        return by_place
    where = dict(zip(theirs, keys, strict=True))
    if set(own) == where.keys():
        return {p: where[name] for p, name in zip(places, own, strict=True)}
    for p, name in zip(places, own, strict=True):
        if name in where and where[name] != by_place[p]:
            strangers = sorted(where.keys() - set(own))
            raise ValueError(
                f"parameter {name!r} stands elsewhere in the checkpoint, which has names that this optimizer has not: "
                f"{', '.join(map(repr, strangers[:3]))}; rename them in its param_names, or delete these to go by place"
            )
    return by_place


def _check_options(
    optimizer: StatefulOptimizer, index: int, group: Mapping[str, Any], saved_group: Mapping[str, Any]
) -> None:
    try:
        algorithm = saved_group["algorithm"]
        check_options(optimizer, saved_group)
    except KeyError as missing:
        raise ValueError(
            f"group {index} of the checkpoint has no option {missing}; it was not saved by {type(optimizer).__name__}"
        ) from missing
    if algorithm != group["algorithm"]:
        raise ValueError(
            f"group {index} of the checkpoint has algorithm='{algorithm}', the optimizer's '{group['algorithm']}'"
        )


def _fitted(
    values: Mapping[str, Tensor], needed: State, first: Callable[[], State], parameter: Tensor, named: str
) -> State:
    unknown = values.keys() - needed.keys()
    if unknown:
        raise ValueError(f"{named}: the checkpoint has the state {sorted(values)}, needed is {sorted(needed)}")
    fresh = sorted(needed.keys() - values.keys())
    said = [kind for kind in fresh if needed[kind].numel() > 0]  # torch's Muon has no empty warm starts
    if said and (values or parameter.requires_grad):
        warnings.warn(f"{named}: the checkpoint has no {', '.join(said)}; made fresh", stacklevel=2)
    state = first() if fresh else {}
    for kind, like in needed.items():
        if kind in fresh:
            continue
        found, shape = tuple(values[kind].shape), tuple(like.shape)
        if found != shape:
            raise ValueError(f"{named}: {kind} has shape {found} in the checkpoint, needed is {shape}")
        state[kind] = values[kind].to(device=parameter.device, dtype=like.dtype, copy=True)
    return {kind: state[kind] for kind in needed}
