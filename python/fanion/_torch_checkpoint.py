"""Checkpoints of torch.optim.Muon, torch.optim.AdamW and Keller Jordan's Muons, as an optimizer here loads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from fanion._optimizer_state import StatefulOptimizer
from fanion._parameter import label, names_of

_MUON = {"lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn"}
_ADAMW = {"lr", "betas", "eps", "weight_decay"}
# How torch computes an AdamW step, which is not part of what it computes; and what our step does not have.
_HOW = {"foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay"}
_REFUSED = {"amsgrad", "maximize"}
# Keller Jordan's Muon and MuonWithAuxAdam, and what their code has without saying so.
_KELLER = {"lr", "weight_decay", "momentum"}
_KELLER_FIXED = {"nesterov": True, "momentum_kind": "ema", "adjust_lr_fn": "original"}
_OF_ANY = {"params", "param_names", "name", "initial_lr", "use_muon"}


def state_dict_from_torch(optimizer: StatefulOptimizer, *saved: Mapping[str, Any]) -> dict[str, Any]:
    """One state_dict for `optimizer` out of several, such as those of a torch.optim.Muon and a torch.optim.AdamW.

    >>> optimizer.load_state_dict(fanion.state_dict_from_torch(optimizer, muon.state_dict(), adamw.state_dict()))

    Parameters are told apart by name where both sides have names, else by order: the groups of all `saved`, one after
    another, are then the optimizer's groups. Momentum, second moments, step counts and options carry over.
    ValueError: a parameter that none has; groups of other sizes; parameters of one group saved with other options.
    """
    entries = [(source, group) for source in saved for group in source["param_groups"]]
    groups = optimizer.param_groups
    named = all(names_of(group) is not None for group in (*groups, *(group for _, group in entries)))
    if named:
        found = {
            name: (source["state"].get(key, {}), group)
            for source, group in entries
            for name, key in zip(group["param_names"], group["params"], strict=True)
        }
        pairs = [[_by_name(found, name) for name in group["param_names"]] for group in groups]
    else:
        ours, theirs = ([len(g["params"]) for g in some] for some in (groups, [group for _, group in entries]))
        if ours != theirs:
            raise ValueError(
                f"the optimizer has groups of {ours} parameters, the checkpoints of {theirs}, and not all have names; "
                "make the groups as they were, or both optimizers from (name, parameter) pairs"
            )
        pairs = [[(source["state"].get(key, {}), group) for key in group["params"]] for source, group in entries]

    state: dict[int, Any] = {}
    new_groups = []
    for index, (group, of_group) in enumerate(zip(groups, pairs, strict=True)):
        options = [{k: v for k, v in g.items() if k not in ("params", "param_names", "name")} for _, g in of_group]
        for i, given in enumerate(options):
            if given != options[0]:
                raise ValueError(f"{label(group, index, i)} was saved with other options than the first of its group")
        keys = range(len(state), len(state) + len(of_group))
        state.update(zip(keys, (values for values, _ in of_group), strict=True))
        own = {key: group[key] for key in ("name", "param_names") if key in group}
        new_groups.append({**own, **(options[0] if options else {}), "params": list(keys)})
    return {"state": {key: values for key, values in state.items() if values}, "param_groups": new_groups}


def completed(optimizer: StatefulOptimizer, saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """`saved`, with what torch's Muon and AdamW and Keller Jordan's do not save taken from the optimizer's own groups.

    MuonWithAuxAdam sorts the matrices of a group by shape: they come back in the order of the optimizer's. Groups of
    anything else stay as they are. ValueError: amsgrad or maximize; a use_muon that is not the group's algorithm.
    """
    groups, saved_groups = optimizer.param_groups, saved["param_groups"]
    if len(groups) != len(saved_groups):
        return saved  # refused later
    whole = []
    for index, (group, saved_group) in enumerate(zip(groups, saved_groups, strict=True)):
        completed_group = _completed_group(index, group, saved_group)
        if saved_group.get("use_muon"):
            keys = _in_order(group["params"], saved_group["params"], saved["state"])
            completed_group = {**completed_group, "params": keys}
        whole.append(completed_group)
    return {**saved, "param_groups": whole}


def _in_order(params: Sequence[Tensor], keys: Sequence[Any], state: Mapping[Any, Any]) -> Sequence[Any]:
    """`keys`, which stand in the order of `params` or in that sorted by size, in the order of `params`."""
    shapes = [state[key]["momentum_buffer"].shape if key in state else None for key in keys]
    if len(keys) != len(params) or all(shape in (None, p.shape) for shape, p in zip(shapes, params, strict=True)):
        return keys
    by_size = sorted(range(len(params)), key=lambda i: params[i].size(), reverse=True)
    return [key for _, key in sorted(zip(by_size, keys, strict=True))]


def _completed_group(index: int, group: Mapping[str, Any], saved: Mapping[str, Any]) -> Mapping[str, Any]:
    by_rule = group["algorithm"] == "lmo"
    if saved.get("use_muon", by_rule) != by_rule:
        raise ValueError(
            f"group {index} of the checkpoint has use_muon={saved['use_muon']}, the optimizer's algorithm="
            f"'{group['algorithm']}': make the groups as they were"
        )
    if by_rule and saved.keys() - _OF_ANY == _KELLER:
        own = {key: value for key, value in saved.items() if key != "use_muon"}
        return {**{key: value for key, value in group.items() if key != "params"}, **_KELLER_FIXED, **own}
    theirs = _MUON if by_rule else _ADAMW
    if "algorithm" in saved or not (theirs <= saved.keys() and theirs <= group.keys()):
        return saved
    for key in sorted(_REFUSED & saved.keys()):
        if saved[key]:
            raise ValueError(f"group {index} of the checkpoint was saved with {key}=True, which fanion's AdamW has not")
    kept = {key: value for key, value in saved.items() if key not in _HOW | _REFUSED | {"use_muon"}}
    return {**{key: value for key, value in group.items() if key != "params"}, **kept}


def _by_name(found: Mapping[str, Any], name: str) -> Any:
    if name not in found:
        names: Sequence[str] = list(found)
        raise ValueError(f"no checkpoint has parameter '{name}'; they have {', '.join(map(repr, names[:4]))}, …")
    return found[name]
