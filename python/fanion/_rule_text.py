"""Text of a rule, from the flat options of a parameter group: "f-neon:alpha=0.3,svd=subspace,passes=2,oversample=4"."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

RULE_KEYS = {"rule"}
"""Options of any optimizer's rule; the classes add theirs."""


def rule_text(name: str, options: Mapping[str, Any], keys: Iterable[str]) -> str:
    """`name:key=value,…` with those of `keys` whose option is not None. Names and values are checked in C++."""
    pairs = [f"{key}={_value_text(options[key])}" for key in keys if options[key] is not None]
    return f"{name}:{','.join(pairs)}" if pairs else name


def _value_text(value: object) -> str:
    """Numbers with all their digits; (a, b, c) and sequences of such as a/b/c/…; anything else as it prints."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, (tuple, list)):
        return "/".join(_value_text(part) for part in value)
    return str(value)
