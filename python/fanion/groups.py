"""Splits a model into parameter groups: matrices for the rule, everything else for AdamW."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from fanion.group_table import group_table
from fanion.roles import ROLES, Owned, auto_heads, owned_parameters, role_of


def param_groups(
    model: nn.Module,
    *,
    head: str | Sequence[str] | None = "auto",
    matrix: Sequence[str] = (),
    embedding: Sequence[str] = (),
    vectors: Sequence[str] = (),
    adamw: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
) -> list[dict[str, Any]]:
    """Groups "matrix" (algorithm "lmo"), "embedding", "head", "vectors" (algorithm "adamw") for any optimizer here.

    The type of the module that holds a parameter decides: weights of Linear, Conv1d–3d, MultiheadAttention, RNNs
    and their cells are "matrix"; those of Embedding and EmbeddingBag "embedding"; the head's "head"; norm layers and
    all with fewer than two dimensions "vectors". A shared parameter comes once, an embedding's share first.
    Frozen parameters (requires_grad=False) are left out.

    `head`: names of modules as in `model.named_modules()`; None for no head; "auto" for the Linear layer that shares
      its weight with an embedding or has as many outputs as one embedding has rows.
    `matrix`, `embedding`, `vectors`: patterns (fnmatch: * matches dots too) of parameter names; they come before
      the module's type.
    `adamw`: options of the three AdamW groups, such as {"lr": 3e-3, "betas": (0.9, 0.95)}. `options`: those of single
      groups, such as {"vectors": {"weight_decay": 0.0}}; the others are the optimizer's.
    `verbose`: print a table of the choice.

    Groups are dicts with (name, tensor) pairs under "params", as torch takes them, and the group's "name".
    ValueError: a parameter of two or more dimensions whose module's type is not listed above (transposed
    convolutions and Bilinear among them: their matrix is not out × in); a head that "auto" cannot tell; a name or
    pattern that matches nothing, or two that disagree.
    """
    owned = owned_parameters(model)
    unknown = set(options or ()) - set(ROLES)
    if unknown:
        raise ValueError(
            f"options has no group {', '.join(map(repr, sorted(unknown)))}; choose from: {', '.join(ROLES)}"
        )
    asked = _asked_roles(owned, {"matrix": matrix, "embedding": embedding, "vectors": vectors})
    heads = _head_names(model, head)
    chosen: dict[str, list[Owned]] = {role: [] for role in ROLES}
    for entry in owned:
        role = asked.get(entry.name) or role_of(entry, heads)
        if not entry.parameter.requires_grad:
            continue
        if role is None:
            raise ValueError(_cannot_tell(entry))
        chosen[role].append(entry)
    if not any(chosen.values()):
        raise ValueError(f"{type(model).__name__} has no parameter with requires_grad=True")

    groups = []
    for role, entries in chosen.items():
        if not entries:
            continue
        defaults = {"algorithm": "lmo"} if role == "matrix" else {"algorithm": "adamw", **(adamw or {})}
        params = [(entry.name, entry.parameter) for entry in entries]
        groups.append({"params": params, "name": role, **defaults, **(options or {}).get(role, {})})
    if verbose:
        print(group_table(groups, [entry for entry in owned if not entry.parameter.requires_grad]))
    return groups


def _asked_roles(owned: list[Owned], patterns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Role by parameter name, where a pattern gives one."""
    asked: dict[str, str] = {}
    for role, role_patterns in patterns.items():
        if isinstance(role_patterns, str):
            raise ValueError(f"{role} = {role_patterns!r} must be a list of patterns, such as [{role_patterns!r}]")
        for pattern in role_patterns:
            matched = [entry for entry in owned if any(fnmatchcase(name, pattern) for name in entry.names)]
            if not matched:
                raise ValueError(f"{role}=[{pattern!r}] matches no parameter; names look like {owned[0].name!r}")
            for entry in matched:
                if role == "matrix" and entry.parameter.ndim < 2:
                    shape = tuple(entry.parameter.shape)
                    raise ValueError(f"matrix=[{pattern!r}] matches '{entry.name}' of shape {shape}, not a matrix")
                if asked.setdefault(entry.name, role) != role:
                    raise ValueError(f"'{entry.name}' is matched by patterns of both {asked[entry.name]} and {role}")
    return asked


def _head_names(model: nn.Module, head: str | Sequence[str] | None) -> set[str]:
    if head == "auto":
        return auto_heads(model)
    names = set() if head is None else {head} if isinstance(head, str) else set(head)
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        if name not in modules:
            linears = [repr(n) for n, module in modules.items() if isinstance(module, nn.Linear)]
            raise ValueError(
                f"head={name!r} names no module; the last Linear layers are {', '.join(linears[-3:]) or 'none'}"
            )
    # A module that is held at several places is known by its first name, and a head includes what it contains.
    inside = {id(part) for name in names for part in modules[name].modules()}
    return {name for name, module in model.named_modules() if id(module) in inside}


def _cannot_tell(entry: Owned) -> str:
    _, module_name, module = entry.places[0]
    where = f"module '{module_name}'" if module_name else "the model itself"
    return (
        f"parameter '{entry.name}' of shape {tuple(entry.parameter.shape)} is held by {where}, a "
        f"{type(module).__name__}, whose type does not tell what it is for; pass matrix=[{entry.name!r}] for the "
        f"matrix rule, or embedding=[{entry.name!r}] or vectors=[{entry.name!r}] for AdamW"
    )
