"""The library's table of rules."""

from typing import NamedTuple

from fanion._library import ops


class RuleInfo(NamedTuple):
    """A known rule: its name, the options it takes, what it is and what it is good for."""

    name: str
    keys: str
    summary: str
    examples: tuple[str, ...]
    """Texts with this name, with k = 3 where there is one; of norms, with LMOs that are exact."""
    use: str
    is_norm: bool


def rules() -> list[RuleInfo]:
    """Every name that `norm_from_name`, `rule_from_name` and the optimizers know."""
    infos = []
    for line in ops.rules():
        name, keys, summary, examples, use, kind = line.split("\t")
        infos.append(RuleInfo(name, keys, summary, tuple(examples.split(";")), use, kind == "norm"))
    return infos
