"""The tables of parameter groups that `param_groups` and `LmoOptimizer.table` give."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fanion._library import ops
from fanion._optimizer_state import StatefulOptimizer
from fanion._options import text_of
from fanion._parameter import names_of
from fanion._places import Owned
from fanion._rule_info import rules
from fanion._spread import is_here, spread_text

_SHOWN = 4
Params = Sequence[tuple[str, Any]]


def group_table(groups: Sequence[dict[str, Any]], frozen: Sequence[Owned]) -> str:
    """One line per group, and one for parameters left out: rates, sizes, shapes, names with numbers as *, and why.

    A rate or decay that the group leaves to the optimizer stands as the argument that will give it.
    """
    rows: list[tuple[str, ...]] = [
        ("group", "algorithm", "because of", "lr", "decay", "tensors", "entries", "shapes", "names")
    ]
    for group in groups:
        prefix = "adamw_" if group["algorithm"] == "adamw" else ""
        rates = [_number(group.get(key, f"{prefix}{key}")) for key in ("lr", "weight_decay")]
        why = _first(list(dict.fromkeys(group["why"])))
        rows.append((group["name"], group["algorithm"], why, *rates, *_sizes(group["params"])))
    if frozen:
        params = [(entry.name, entry.parameter) for entry in frozen]
        rows.append(("left out", "(frozen)", "", "", "", *_sizes(params)))
    return _aligned(rows, right=(5, 6))


def settings_table(optimizer: StatefulOptimizer, averaging: Any = None) -> str:
    """One line per group of an optimizer: its rule or AdamW, scale, rate, decay, sizes, shapes, names.

    Before the sizes, where there is something to say, how directions of spread parameters are found; `averaging`: the
    process group over which steps average gradients.
    """
    rows: list[tuple[str, ...]] = [("group", "rule", "scale", "lr", "decay", "tensors", "entries", "shapes", "names")]
    for index, group in enumerate(optimizer.param_groups):
        by_rule = group["algorithm"] == "lmo"
        rates = [_number(group[key]) for key in ("lr", "weight_decay")]
        names = names_of(group) or [str(i) for i in range(len(group["params"]))]
        rows.append(
            (
                str(group.get("name", index)),
                optimizer.rule_of(group) if by_rule else "adamw",
                (group["adjust_lr_fn"] or "original") if by_rule else "",
                *rates,
                *_sizes(list(zip(names, group["params"], strict=True))),
            )
        )
    methods = [_methods(optimizer, group, averaging) for group in optimizer.param_groups]
    if any(methods):
        rows = [(*row[:5], method, *row[5:]) for row, method in zip(rows, ["directions by", *methods], strict=True)]
    return _aligned(rows, right=(6, 7) if any(methods) else (5, 6))


def _methods(optimizer: StatefulOptimizer, group: Mapping[str, Any], averaging: Any) -> str:
    """How the directions of a group's spread matrices are found, and of how many if that differs; "" for none."""
    if group["algorithm"] != "lmo":
        return ""
    rule, options = optimizer.rule_of(group), text_of(group)
    spreads = [spread_text(p, averaging) for p in group["params"] if is_here(p)]
    found = Counter(ops.spread_method(rule, options, spread) for spread in spreads if spread)
    found.pop("", None)
    return _first([method if len(found) == 1 else f"{method} ({times})" for method, times in found.items()])


def parameters_table(optimizer: StatefulOptimizer) -> str:
    """One line per parameter: its group, matrices, rule, that rule's norm, factor on the rate, rate, decay, and why.

    Matrices of the same size stand once, "3 of 768×768"; the factor is that of each size.
    """
    summaries = {info.name: info.summary if info.is_norm else f"no norm: {info.summary}" for info in rules()}
    rows: list[tuple[str, ...]] = [
        ("parameter", "group", "matrices", "rule", "norm", "scale", "lr", "decay", "because of")
    ]
    for index, group in enumerate(optimizer.param_groups):
        by_rule = group["algorithm"] == "lmo"
        rule = optimizer.rule_of(group) if by_rule else "adamw"
        rates = [_number(group[key]) for key in ("lr", "weight_decay")]
        names = names_of(group) or [str(i) for i in range(len(group["params"]))]
        reasons = group.get("why") or [""] * len(names)
        for name, parameter, why in zip(names, group["params"], reasons, strict=True):
            shapes, scale = ["×".join(map(str, parameter.shape)) or "scalar"], ""
            if by_rule:
                held = ops.held_shapes(parameter.shape, text_of(group))
                counts = Counter(zip(held[::2], held[1::2], strict=True))
                shapes = [f"{m}×{n}" if count == 1 else f"{count} of {m}×{n}" for (m, n), count in counts.items()]
                adjust = group["adjust_lr_fn"] or "original"
                scale = ", ".join(_number(ops.lr_factor(adjust, rule, m, n)) for m, n in counts)
            norm = summaries.get(rule.partition(":")[0], "sum of rules") if by_rule else ""
            of_group = str(group.get("name", index))
            rows.append((str(name), of_group, ", ".join(shapes), rule, norm, scale, *rates, why))
    return _aligned(rows, right=())


def _sizes(params: Params) -> tuple[str, str, str, str]:
    """Tensors, entries, shapes, names."""
    shapes = Counter("×".join(map(str, parameter.shape)) or "scalar" for _, parameter in params)
    families: dict[str, list[str]] = {}
    for full_name, _ in params:
        families.setdefault(re.sub(r"(?<![^.])\d+(?![^.])", "*", full_name), []).append(full_name)
    return (
        str(len(params)),
        f"{sum(parameter.numel() for _, parameter in params):,}",
        _first([shape if times == 1 else f"{times} of {shape}" for shape, times in shapes.items()]),
        _first([family if len(members) > 1 else members[0] for family, members in families.items()]),
    )


def _number(value: Any) -> str:
    return value if isinstance(value, str) else f"{float(value):.4g}"


def _first(texts: Sequence[str]) -> str:
    more = f", … {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
