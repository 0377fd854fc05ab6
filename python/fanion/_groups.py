"""Splits a model into parameter groups: matrices for the rule, everything else for AdamW."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from fanion._group_table import group_table
from fanion._heads import heads_of
from fanion._options import STEP_OPTIONS
from fanion._places import Owned, owned_parameters
from fanion._roles import ROLES, RULE_ROLES, Role, is_one_matrix, role_of
from fanion.optimizer import LmoOptimizer


def param_groups(
    model: nn.Module,
    *,
    head: str | Sequence[str] | None = "auto",
    matrix: Sequence[str] = (),
    transposed: Sequence[str] = (),
    embedding: Sequence[str] = (),
    vectors: Sequence[str] = (),
    adamw: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
) -> list[dict[str, Any]]:
    """Groups "matrix", "transposed" (algorithm "lmo"), "embedding", "head", "vectors" ("adamw") for any optimizer here.

    The type of the module that holds a parameter decides: weights of Linear, Conv1d–3d, MultiheadAttention, RNNs
    and their cells are "matrix"; those of Hugging Face's Conv1D, stored in × out, "transposed"; those of Embedding and
    EmbeddingBag "embedding"; the head's "head"; norm layers, weight_norm's magnitudes and all with fewer than two
    dimensions, no entries, or one dimension that is not 1 and a type that tells nothing, "vectors". Behind weight_norm,
    spectral_norm, orthogonal and pruning counts the module they are on. A shared parameter comes once, an embedding's
    share first. Frozen parameters (requires_grad=False) are left out.

    `head`: names of modules as in `model.named_modules()`; None for no head; "auto": the Linear layer that shares its
      weight with an embedding; else the last one if it is as wide as an embedding has rows, or padded to a little more;
      in a model without embeddings the last one if no other Linear has its shape, else none.
    `matrix`, `transposed`, `embedding`, `vectors`: patterns (fnmatch: * matches dots too) of parameter names; they come
      before the module's type. The rule takes a "transposed" parameter (in × out) as its transpose.
    `adamw`: options of the three AdamW groups, such as {"lr": 3e-3, "betas": (0.9, 0.95)}. `options`: those of single
      groups, such as {"head": {"lr": 1e-3}}, which come first; those of "matrix" hold for "transposed" too. The others
      are the optimizer's, but for the weight decay of "vectors", which is 0.
    `verbose`: print a table of the choice, with what decided it.

    Groups are dicts with (name, tensor) pairs under "params", as torch takes them, and the group's "name".
    TypeError: no module. ValueError: a parameter of two or more dimensions whose module's type is not listed above
    (transposed convolutions and Bilinear among them: their matrix is not out × in); more than two dimensions outside
    convolutions under `matrix` (stacked experts); a head that "auto" cannot tell; a name or pattern that matches
    nothing, or two that disagree; an option that no optimizer here has.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            "param_groups takes the model, a torch.nn.Module, whose types of modules tell what its parameters are for; "
            f"got {type(model).__name__}: param_groups(model), not param_groups(model.parameters())"
        )
    adamw, options = dict(adamw or {}), {role: dict(given) for role, given in (options or {}).items()}
    _check_options(adamw, options)
    owned = owned_parameters(model)
    patterns = {"matrix": matrix, "transposed": transposed, "embedding": embedding, "vectors": vectors}
    asked = _asked_roles(owned, patterns)
    heads = heads_of(model, head)
    chosen: dict[str, list[tuple[Owned, str]]] = {role: [] for role in ROLES}
    for entry in owned:
        role, why = asked.get(entry.name) or role_of(entry, heads)
        if not entry.parameter.requires_grad:
            continue
        if role is None:
            raise ValueError(_cannot_tell(entry))
        chosen[role].append((entry, why))
    if not any(chosen.values()):
        raise ValueError(f"{type(model).__name__} has no parameter with requires_grad=True")

    groups = []
    for role, entries in chosen.items():
        if entries:
            params = [(entry.name, entry.parameter) for entry, _ in entries]
            groups.append({"params": params, "name": role, **_defaults(role, adamw, options)})
    if verbose:
        reasons = {role: [why for _, why in entries] for role, entries in chosen.items()}
        print(group_table(groups, reasons, [entry for entry in owned if not entry.parameter.requires_grad]))
    return groups


def _defaults(role: str, adamw: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    own = options.get(role, {})
    match role:
        case "matrix":
            return {"algorithm": "lmo", **own}
        case "transposed":
            return {"algorithm": "lmo", "transposed": True, **options.get("matrix", {}), **own}
        case "vectors":
            return {"algorithm": "adamw", "weight_decay": 0.0, **adamw, **own}
    return {"algorithm": "adamw", **adamw, **own}


def _check_options(adamw: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> None:
    """ValueError: a group that does not exist, or an option that no optimizer here has for it."""
    for role in options:
        if role not in ROLES:
            raise ValueError(f"options has no group {role!r}; choose from: {', '.join(ROLES)}")
    own = [name for kind in _classes(LmoOptimizer) for name in inspect.signature(kind).parameters]
    for_adamw = {name.removeprefix("adamw_") for name in own if name.startswith("adamw_")} | {"nonfinite"}
    for_rule = {name for name in own if not name.startswith("adamw_")}
    for_rule -= {"params", "rule_options", "common", "options"}
    for_rule |= STEP_OPTIONS.keys()
    for given, what, allowed in (
        (adamw, "adamw", for_adamw),
        *((o, f"options[{r!r}]", for_rule if r in RULE_ROLES else for_adamw) for r, o in options.items()),
    ):
        for key in given:
            if key not in allowed:
                near = difflib.get_close_matches(str(key), allowed, 1, 0.8)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise ValueError(f"{what} has no option {key!r}{hint}; it takes: {', '.join(sorted(allowed))}")


def _classes(kind: type[LmoOptimizer]) -> list[type[LmoOptimizer]]:
    """The class and all that derive from it."""
    derived: list[type[LmoOptimizer]] = [kind]
    for subclass in kind.__subclasses__():
        derived += _classes(subclass)
    return derived


def _asked_roles(owned: list[Owned], patterns: Mapping[str, Sequence[str]]) -> dict[str, Role]:
    """Role by parameter name, where a pattern gives one."""
    asked: dict[str, Role] = {}
    for role, role_patterns in patterns.items():
        if isinstance(role_patterns, str):
            raise ValueError(f"{role} = {role_patterns!r} must be a list of patterns, such as [{role_patterns!r}]")
        for pattern in role_patterns:
            matched = [entry for entry in owned if any(fnmatchcase(name, pattern) for name in entry.names)]
            if not matched:
                raise ValueError(f"{role}=[{pattern!r}] matches no parameter; names look like {owned[0].name!r}")
            for entry in matched:
                if role in RULE_ROLES:
                    _check_matrix(entry, f"{role}=[{pattern!r}]", role)
                if asked.setdefault(entry.name, Role(role, f"{role}=")).name != role:
                    other = asked[entry.name].name
                    raise ValueError(f"'{entry.name}' is matched by patterns of both {other} and {role}")
    return asked


def _check_matrix(entry: Owned, given: str, role: str) -> None:
    shape = tuple(entry.parameter.shape)
    matches = f"{given} matches '{entry.name}' of shape {shape}"
    if len(shape) < 2 or entry.parameter.numel() == 0:
        raise ValueError(f"{matches}, not a matrix")
    if len(shape) > 2 and (role == "transposed" or not is_one_matrix(entry)):
        raise ValueError(f"{matches}, {_held_by(entry)}: {_AXES.format(name=entry.name, axis=shape[0])}")


_AXES = (
    "its type does not tell which axes are the rows and columns of a matrix and which count matrices, as the {axis} "
    "experts of a stack would, and the rules do not step a stack matrix by matrix; taken as {axis} rows it would get "
    "other directions, much too small. Pass embedding=[{name!r}] or vectors=[{name!r}] for AdamW, or hold every matrix "
    "in a parameter of its own"
)


def _held_by(entry: Owned) -> str:
    place = entry.places[0]
    where = f"module '{place.module_name}'" if place.module_name else "the model itself"
    return f"held by {where}, a {type(place.module).__name__}"


def _cannot_tell(entry: Owned) -> str:
    name, shape = entry.name, tuple(entry.parameter.shape)
    told = f"parameter '{name}' of shape {shape} is {_held_by(entry)}"
    if not is_one_matrix(entry):
        return f"{told}: {_AXES.format(name=name, axis=shape[0])}"
    return (
        f"{told}, whose type does not tell what it is for; pass matrix=[{name!r}] for the matrix rule if it is stored "
        f"out × in, transposed=[{name!r}] if in × out, or embedding=[{name!r}] or vectors=[{name!r}] for AdamW"
    )
