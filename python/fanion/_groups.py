"""Splits a model into parameter groups: matrices for the rule, everything else for AdamW."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from fanion._asked import Asked, asked_roles
from fanion._group_table import group_table
from fanion._heads import heads_of
from fanion._options import STEP_OPTIONS
from fanion._packed import Holding, split_of, stack_of
from fanion._places import Owned, owned_parameters
from fanion._roles import ROLES, RULE_ROLES, cannot_tell, is_one_matrix, role_of
from fanion.optimizer import LmoOptimizer


def param_groups(
    model: nn.Module,
    *,
    head: str | Sequence[str] | None = "auto",
    matrix: Sequence[str] = (),
    transposed: Sequence[str] = (),
    experts: Sequence[str] = (),
    packed: Mapping[str, int | Sequence[int] | Mapping[str, Any]] | None = None,
    embedding: Sequence[str] = (),
    vectors: Sequence[str] = (),
    split: bool = True,
    adamw: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
) -> list[dict[str, Any]]:
    """Groups for any optimizer here, by role: algorithm "lmo" for matrices, "adamw" for all else.

    The type of the module that holds a parameter decides. Under the rule: "matrix", weights of Linear, Conv1d–3d,
    MultiheadAttention, RNNs and their cells, and routers; "transposed", those of Hugging Face's Conv1D, stored in ×
    out; "packed", those that are several matrices: MultiheadAttention's in_proj_weight (Q, K, V), layers named qkv,
    qkv_proj, Wqkv, c_attn, gate_up_proj, and query_key_value of classes whose order is known; "experts", stacks of
    three dimensions of Hugging Face's mixtures and torchtitan's GroupedExperts; "lora_A", "lora_B", PEFT's. Under
    AdamW: "embedding", of Embedding and EmbeddingBag; "head"; "vectors": norm layers, weight_norm's magnitudes,
    biases of experts and all with fewer than two dimensions, no entries, or one dimension that is not 1 and a type
    that tells nothing. Behind weight_norm, spectral_norm, orthogonal and pruning counts the module they are on. A
    shared parameter comes once, an embedding's share first. Frozen parameters (requires_grad=False) are left out.

    `head`: names of modules as in `model.named_modules()`; None for no head; "auto": the Linear layer that shares its
      weight with an embedding; else the last one if it is as wide as an embedding has rows, or padded to a little more;
      in a model without embeddings the last one if no other Linear has its shape, else none.
    `matrix`, `transposed`, `experts`, `embedding`, `vectors`: patterns (fnmatch: * matches dots too) of parameter
      names; they come before the module's type. The rule takes a "transposed" parameter (in × out) as its transpose,
      and of "experts" the last two dimensions as a matrix; one that is both is E × in × out.
    `packed`: by such patterns how the rows (out) are split: a number of equal matrices (`num_heads`), a list of sizes
      (`split_sizes`), or a mapping of both and `interleaved`.
    `split`: whether what is packed by its module's type is split, and LoRA's factors are apart; False makes groups as
      versions before this did. Stacks stay stacks.
    `adamw`: options of the AdamW groups, such as {"lr": 3e-3, "betas": (0.9, 0.95)}. `options`: those of single
      roles, such as {"head": {"lr": 1e-3}}, which come first; those of "matrix" hold for all roles under the rule. The
      others are the optimizer's, but for the weight decay of "vectors", which is 0.
    `verbose`: print a table of the choice, with what decided it.

    Groups are dicts with (name, tensor) pairs under "params", as torch takes them, the group's "name", which is its
    role and where parameters of it hold their matrices differently how ("packed 768+768+768"), and "why", what decided
    it for each parameter. Every matrix of a packed parameter or a stack is stepped as if alone.
    TypeError: no module. ValueError: a parameter of two or more dimensions whose module's type is not listed above
    (transposed convolutions and Bilinear among them: their matrix is not out × in); more than two dimensions outside
    convolutions under `matrix`; a split that does not add up; a head that "auto" cannot tell; a name or pattern that
    matches nothing, or two that disagree; an option that no optimizer here has.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            "param_groups takes the model, a torch.nn.Module, whose types of modules tell what its parameters are for; "
            f"got {type(model).__name__}: param_groups(model), not param_groups(model.parameters())"
        )
    adamw, options = dict(adamw or {}), {role: dict(given) for role, given in (options or {}).items()}
    _check_options(adamw, options)
    owned = owned_parameters(model)
    patterns = {"matrix": matrix, "transposed": transposed, "experts": experts, "packed": packed or {}}
    asked = asked_roles(owned, {**patterns, "embedding": embedding, "vectors": vectors})
    heads = heads_of(model, head)
    chosen: dict[str, dict[str, list[tuple[Owned, Holding]]]] = {role: {} for role in ROLES}
    for entry in owned:
        role, holding = _choice(model, entry, heads, asked.get(entry.name), split)
        if not entry.parameter.requires_grad:
            continue
        if role is None:
            raise ValueError(cannot_tell(entry))
        chosen[role].setdefault(_group_name(role, holding.options), []).append((entry, holding))
    if not any(chosen.values()):
        raise ValueError(f"{type(model).__name__} has no parameter with requires_grad=True")

    groups: list[dict[str, Any]] = []
    for role, by_name in chosen.items():
        for name, entries in by_name.items():
            params = [(entry.name, entry.parameter) for entry, _ in entries]
            own = {**_defaults(role, adamw, options), **entries[0][1].options}
            groups.append({"params": params, "name": name, **own, "why": [holding.why for _, holding in entries]})
    if verbose:
        print(group_table(groups, [entry for entry in owned if not entry.parameter.requires_grad]))
    return groups


def _choice(
    model: nn.Module, entry: Owned, heads: Mapping[str, str], asked: Asked | None, split: bool
) -> tuple[str | None, Holding]:
    """Role of a parameter, and how it holds its matrices where that is one under the rule."""
    if asked is not None and asked.role is not None:
        return asked.role, asked.holding
    role, why = role_of(entry, heads, model)
    if (asked is not None and role is None and is_one_matrix(entry)) or (not split and role in ("lora_A", "lora_B")):
        role = "matrix"
    if role not in RULE_ROLES:
        if asked is not None and role is not None:
            raise ValueError(f"packed matches '{entry.name}', which is under AdamW ({why}); name it in matrix too")
        return role, Holding({}, why)
    holding = _holding(model, entry, role, why, split and asked is None)
    if asked is not None:
        holding = Holding({**holding.options, **asked.holding.options}, asked.holding.why)
    is_split = bool(holding.options.keys() & {"split_sizes", "num_heads"})
    return ("packed" if is_split and role in ("matrix", "transposed") else role), holding


def _holding(model: nn.Module, entry: Owned, role: str, why: str, split: bool) -> Holding:
    """As the modules that hold it tell; what is shared is split only where all of them say the same."""
    shape = tuple(entry.parameter.shape)
    if role == "experts":
        stack = next(found for place in entry.places if (found := stack_of(place, shape)) is not None)
        kept = {key: value for key, value in stack.options.items() if split or key in ("flatten", "transposed")}
        return Holding(kept, stack.why)
    own = {"transposed": True} if role == "transposed" else {}
    if not split or role not in ("matrix", "transposed") or len(shape) != 2:
        return Holding(own, why)
    rows, columns = reversed(shape) if own else shape
    splits = [split_of(model, place, rows, columns) for place in entry.places]
    first = splits[0]
    if first is None or any(other is None or other.options != first.options for other in splits):
        return Holding(own, why)
    return Holding({**own, **first.options}, first.why)


def _group_name(role: str, options: Mapping[str, Any]) -> str:
    """The role, and how its parameters are split where they are."""
    told = [role]
    if "split_sizes" in options:
        told.append("+".join(map(str, options["split_sizes"])))
    if "num_heads" in options:
        told.append(f"{options['num_heads']} heads")
    if options.get("interleaved"):
        told.append("interleaved")
    if options.get("transposed") and role != "transposed":
        told.append("in × out")
    return " ".join(told)


def _defaults(role: str, adamw: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    own = options.get(role, {})
    if role in RULE_ROLES:
        return {"algorithm": "lmo", **options.get("matrix", {}), **own}
    if role == "vectors":
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
