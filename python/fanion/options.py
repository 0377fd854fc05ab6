"""Options of a parameter group: checked, and turned into the arguments of the step operators.

Every check raises ValueError with the value given and the values allowed.
"""

import difflib
import inspect
import math
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any, TypedDict

from torch import Tensor

from fanion.rule_text import RULE_KEYS

ALGORITHMS = ("lmo", "adamw")
MOMENTUM_KINDS = ("ema", "sum")
ADJUST_LR_FNS = ("original", "match_rms_adamw", "rms_to_rms", "none")
NONFINITE_POLICIES = ("error", "skip", "ignore")

Group = Mapping[str, Any]


class CommonOptions(TypedDict, total=False):
    """Keyword arguments that every optimizer class hands to `LmoOptimizer`, which documents them."""

    momentum_kind: str
    nonfinite: str
    adamw_lr: float | Tensor
    adamw_betas: tuple[float, float]
    adamw_eps: float
    adamw_weight_decay: float


# What other optimizers call it, or have it for.
_ELSEWHERE = {
    "betas": "betas of the AdamW groups are adamw_betas; a matrix rule has momentum",
    "eps": "eps of the AdamW groups is adamw_eps; only Newton–Schulz (Muon, FMuon) has one of its own",
    "foreach": "leave it out: the step is always one call for all parameters of a group",
    "fused": "leave it out: the step is always one call for all parameters of a group",
    "maximize": "negate the loss instead",
    "amsgrad": "the AdamW groups have none",
    "dampening": "momentum_kind='ema' weighs the gradient with 1 - momentum",
}


def unknown_argument(kind: type, key: str) -> str:
    """What to say of a keyword that an optimizer class does not take: what it takes, and what is meant perhaps."""
    own = [p.name for p in inspect.signature(kind).parameters.values() if p.kind != p.VAR_KEYWORD]
    names = [name for name in own if name != "rule_options"]
    names += [name for name in CommonOptions.__annotations__ if name not in names]
    near = difflib.get_close_matches(key, names, 1, 0.75)
    hint = _ELSEWHERE.get(key) or (f"did you mean {near[0]!r}?" if near else "")
    return f"{kind.__name__} takes no argument {key!r}{f' ({hint})' if hint else ''}; it takes: {', '.join(names)}"


def check_own_options(kind: type, group: Group, own: Collection[str]) -> None:
    """ValueError: an "lmo" group with an option of AdamW, or of another class's rule, which would not be read."""
    for key in ("betas", *RULE_KEYS):
        if key in group and key not in own:
            raise ValueError(
                f"a group has {key} = {group[key]!r}, which {kind.__name__} does not take; it takes: {', '.join(own)}"
            )


def choice(key: str, value: object, allowed: tuple[str, ...]) -> str:
    """`value`, if it is one of `allowed`."""
    if isinstance(value, str) and value in allowed:
        return value
    raise ValueError(f"{key} = {value!r}; choose one of: {', '.join(allowed)}")


def number(key: str, value: object) -> float:
    """`value` as a float: a real number, or a tensor of one element."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value.item())
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    given = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
    raise ValueError(f"{key} must be a number, got {given}")


def not_negative(key: str, value: object) -> float:
    """`value` in [0, ∞)."""
    x = number(key, value)
    if math.isfinite(x) and x >= 0:
        return x
    raise ValueError(f"{key} = {x} must be finite and not negative")


def below_one(key: str, value: object) -> float:
    """`value` in [0, 1)."""
    x = number(key, value)
    if 0 <= x < 1:
        return x
    raise ValueError(f"{key} = {x} must lie in [0, 1)")


def nonfinite_policy(group: Group) -> str:
    """The group's policy for gradients with NaN or Inf."""
    return choice("nonfinite", group["nonfinite"], NONFINITE_POLICIES)


def lmo_arguments(group: Group) -> dict[str, Any]:
    """Arguments of `lmo_step_`, but for the rule and the policy."""
    if not isinstance(group["nesterov"], bool):
        raise ValueError(f"nesterov = {group['nesterov']!r} must be True or False")
    scale = group["adjust_lr_fn"]
    return {
        "lr": not_negative("lr", group["lr"]),
        "momentum": below_one("momentum", group["momentum"]),
        "nesterov": group["nesterov"],
        "momentum_kind": choice("momentum_kind", group["momentum_kind"], MOMENTUM_KINDS),
        "weight_decay": not_negative("weight_decay", group["weight_decay"]),
        "adjust_lr_fn": "original" if scale is None else choice("adjust_lr_fn", scale, ADJUST_LR_FNS),
    }


def adamw_arguments(group: Group) -> dict[str, Any]:
    """Arguments of `adamw_step_`, but for the policy."""
    betas = group["betas"]
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ValueError(f"betas = {betas!r} must be two numbers in [0, 1)")
    return {
        "lr": not_negative("lr", group["lr"]),
        "beta1": below_one("betas[0]", betas[0]),
        "beta2": below_one("betas[1]", betas[1]),
        "eps": not_negative("eps", group["eps"]),
        "weight_decay": not_negative("weight_decay", group["weight_decay"]),
    }
