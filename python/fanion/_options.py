"""Options of a parameter group: the library's tables of them, and what a group says in their terms.

A ValueError names the value given and the values allowed; ranges are checked in C++.
"""

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

from torch import Tensor

from fanion import _unknown_argument
from fanion._library import ops
from fanion._rule_text import RULE_KEYS

ALGORITHMS = ("lmo", "adamw", "adam")  # the last is the second without decay, and is not kept

Group = Mapping[str, Any]


class Option(NamedTuple):
    """A line of a table; `kind` is "number", "count", "sizes", "flag" or "choice", `allowed` the range or choices."""

    name: str
    kind: str
    initial: str
    allowed: str
    help: str

    @property
    def default(self) -> float | int | bool | str | None:
        """The value that stands where nothing is given."""
        if self.kind == "number":
            return float(self.initial)
        if self.kind == "count":
            return int(self.initial)
        if self.kind == "sizes":
            return None
        return self.initial == "true" if self.kind == "flag" else self.initial


def _table(algorithm: str) -> dict[str, Option]:
    options = (Option(*line.split("\t")) for line in ops.step_options(algorithm))
    return {option.name: option for option in options}


STEP_OPTIONS = _table("lmo")  # of a matrix rule's step
ADAMW_OPTIONS = _table("adamw")
ADAMW_ARGUMENTS = ("adamw_lr", "adamw_betas", "adamw_eps", "adamw_weight_decay")


def documented(options: Iterable[Option], indent: str = "    ") -> str:
    """The table as lines of a docstring."""
    lines = []
    for option in options:
        allowed = f", {option.allowed}" if option.kind != "flag" and option.allowed else ""
        lines.append(f"{indent}`{option.name}` ({option.default!r}{allowed}): {option.help}.")
    return "\n".join(lines)


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
    names = list(dict.fromkeys([name for name in own if name != "rule_options"] + [*STEP_OPTIONS, *ADAMW_ARGUMENTS]))
    return _unknown_argument.unknown_argument(kind.__name__, key, names, _ELSEWHERE)


def check_own_options(kind: type, group: Group, own: Collection[str]) -> None:
    """ValueError: an "lmo" group with an option of AdamW, or of another class's rule, which would not be read."""
    for key in ("betas", *RULE_KEYS):
        if key in group and key not in own:
            raise ValueError(
                f"a group has {key} = {group[key]!r}, which {kind.__name__} does not take; it takes: {', '.join(own)}"
            )


def without_decay(group: Group) -> dict[str, Any]:
    """The "adamw" group that an "adam" one is. ValueError: a weight decay, which Adam adds to the gradient."""
    if number("weight_decay", group.get("weight_decay", 0.0)) != 0:
        raise ValueError(
            f"a group with algorithm='adam' has weight_decay = {group['weight_decay']}; Adam would add it to the "
            "gradient, which no step here does: leave it out, or take algorithm='adamw'"
        )
    return {**group, "algorithm": "adamw", "weight_decay": 0.0}


def choice(key: str, value: object, allowed: Iterable[str]) -> str:
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


def text_of(group: Group) -> str:
    """A group's options as C++ reads them, "lr=0.02,nesterov=true"; those that it does not have keep their defaults."""
    if group["algorithm"] == "adamw":
        given, table = _with_single_betas(group), ADAMW_OPTIONS
    else:
        given, table = group, STEP_OPTIONS
    return ",".join(f"{name}={_text(option, given[name])}" for name, option in table.items() if name in given)


def _text(option: Option, value: object) -> str:
    if option.kind == "number":
        return repr(number(option.name, value))
    if option.kind == "choice":  # None is torch's word for the default
        return option.initial if value is None else choice(option.name, value, option.allowed.split(", "))
    if option.kind == "count":
        return option.initial if value is None else str(_count(option.name, value))
    if option.kind == "sizes":
        return option.initial if value is None else sizes_text(option.name, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError(f"{option.name} = {value!r} must be True or False")


def _count(key: str, value: object) -> int:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise ValueError(f"{key} = {value!r} must be a whole number")


def sizes_text(key: str, value: object) -> str:
    """Sizes as C++ reads them, "768+768+768"."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"{key} = {value!r} must be None or a list of whole numbers, such as (768, 768, 768)")
    return "+".join(str(_count(key, size)) for size in value)


def _with_single_betas(group: Group) -> Group:
    betas = group["betas"]
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ValueError(f"betas = {betas!r} must be two numbers in [0, 1)")
    return {**group, "beta1": betas[0], "beta2": betas[1]}
