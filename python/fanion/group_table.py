"""The table that `param_groups` prints."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fanion.roles import Owned

_SHOWN = 4


def group_table(groups: Sequence[dict[str, Any]], frozen: Sequence[Owned]) -> str:
    """One line per group, and one for parameters left out: sizes, shapes, names with numbers as *."""
    rows: list[tuple[str, ...]] = [("group", "algorithm", "tensors", "entries", "shapes", "names")]
    rows += [_row(group["name"], group["algorithm"], group["params"]) for group in groups]
    if frozen:
        rows.append(_row("left out", "(frozen)", [(entry.name, entry.parameter) for entry in frozen]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(name: str, algorithm: str, params: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    shapes = Counter("×".join(map(str, parameter.shape)) or "scalar" for _, parameter in params)
    families: dict[str, list[str]] = {}
    for full_name, _ in params:
        families.setdefault(re.sub(r"(?<![^.])\d+(?![^.])", "*", full_name), []).append(full_name)
    return (
        name,
        algorithm,
        str(len(params)),
        f"{sum(parameter.numel() for _, parameter in params):,}",
        _first([shape if times == 1 else f"{times} of {shape}" for shape, times in shapes.items()]),
        _first([family if len(members) > 1 else members[0] for family, members in families.items()]),
    )


def _first(texts: Sequence[str]) -> str:
    more = f", … {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    right = (2, 3)
    cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
    return "  ".join(cells).rstrip()
