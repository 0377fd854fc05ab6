"""What patterns of parameter names ask for: roles, and how parameters hold their matrices."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any, NamedTuple

from fanion._options import sizes_text
from fanion._packed import Holding
from fanion._places import Owned
from fanion._roles import RULE_ROLES, is_one_matrix, question_of_axes


class Asked(NamedTuple):
    """What is asked of a parameter; the role is None where that is its module's to say."""

    role: str | None
    holding: Holding


def asked_roles(owned: list[Owned], patterns: Mapping[str, Any]) -> dict[str, Asked]:
    """By parameter name, where a pattern matches it. ValueError: one that matches nothing, or two that disagree."""
    given: dict[str, dict[str, Any]] = {}
    for role, role_patterns in patterns.items():
        if isinstance(role_patterns, str) or (role == "packed" and not isinstance(role_patterns, Mapping)):
            example = repr([role_patterns]) if role != "packed" else '{"*.qkv.weight": 3}'
            what = "a list of patterns, such as" if role != "packed" else "a mapping of patterns, such as"
            raise ValueError(f"{role} = {role_patterns!r} must be {what} {example}")
        for pattern in role_patterns:
            matched = [entry for entry in owned if any(fnmatchcase(name, pattern) for name in entry.names)]
            if not matched:
                raise ValueError(f"{role}=[{pattern!r}] matches no parameter; names look like {owned[0].name!r}")
            for entry in matched:
                if role in RULE_ROLES:
                    _check_matrix(entry, f"{role}=[{pattern!r}]")
                of_entry = given.setdefault(entry.name, {})
                value = _split(pattern, role_patterns[pattern]) if role == "packed" else {}
                if of_entry.setdefault(role, value) != value:
                    raise ValueError(f"'{entry.name}' is matched by two patterns of packed, which split it differently")
    return {entry.name: _asked(entry, given[entry.name]) for entry in owned if entry.name in given}


def _asked(entry: Owned, given: Mapping[str, Any]) -> Asked:
    roles = [role for role in given if role != "packed"]
    for role, other in combinations(given, 2):
        if {role, other} != {"transposed", "experts"} and not ("packed" in (role, other) and roles[0] in RULE_ROLES):
            raise ValueError(f"'{entry.name}' is matched by patterns of both {role} and {other}")
    ndim = entry.parameter.ndim
    is_stack = "experts" in roles
    if is_stack and ndim < 3:
        shape = tuple(entry.parameter.shape)
        raise ValueError(f"experts matches '{entry.name}' of shape {shape}, not a stack of matrices (E × out × in)")
    if ndim > 2 and not is_stack and ("transposed" in roles or ("matrix" in roles and not is_one_matrix(entry))):
        raise ValueError(f"{roles[0]} matches '{entry.name}' of shape {question_of_axes(entry)}")
    options = dict(given.get("packed", {}))
    if is_stack:
        options["flatten"] = False
    if "transposed" in roles:
        options["transposed"] = True
    why = ", ".join(f"{role}=" for role in given)
    if not roles:
        return Asked(None, Holding(options, why))
    role = "experts" if is_stack else "packed" if "packed" in given else roles[0]
    return Asked(role, Holding(options, why))


def _split(pattern: str, value: object) -> dict[str, Any]:
    """The step options that a value of `packed` stands for."""
    if isinstance(value, Mapping):
        unknown = sorted(value.keys() - {"split_sizes", "num_heads", "interleaved"})
        if unknown:
            raise ValueError(
                f"packed[{pattern!r}] has {unknown[0]!r}; it takes num_heads, or split_sizes and interleaved"
            )
        return dict(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return {"num_heads": value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        sizes_text(f"packed[{pattern!r}]", value)
        return {"split_sizes": tuple(value)}
    raise ValueError(
        f"packed[{pattern!r}] = {value!r} must be a number of equal matrices, a list of their sizes, or a mapping with "
        "split_sizes or num_heads"
    )


def _check_matrix(entry: Owned, given: str) -> None:
    shape = tuple(entry.parameter.shape)
    if len(shape) < 2 or entry.parameter.numel() == 0:
        raise ValueError(f"{given} matches '{entry.name}' of shape {shape}, not a matrix")
