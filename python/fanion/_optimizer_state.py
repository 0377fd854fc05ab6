"""What the modules around an optimizer see of it: its groups, its state and the rules of both."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from fanion._library import ops
from fanion._options import text_of
from fanion._parameter import check_parameter
from fanion._spread import block, is_here, is_spread, spread_state

State = dict[str, Tensor]
"""Of one parameter: its tensors by their kind."""


class StatefulOptimizer(Protocol):
    """An optimizer as its checkpoints, tables and diagnostics know it; `LmoOptimizer` is one."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups, as torch keeps them."""

    @property
    def state(self) -> Mapping[Tensor, State]:
        """The state of every parameter."""

    def rule_of(self, group: Mapping[str, Any]) -> str:
        """Text of the rule that an "lmo" group follows."""


def rule_of_any(optimizer: StatefulOptimizer, group: Mapping[str, Any]) -> str:
    """What the library calls the rule of a group, "lmo" or not."""
    return "adamw" if group["algorithm"] == "adamw" else optimizer.rule_of(group)


def check_options(optimizer: StatefulOptimizer, group: Mapping[str, Any]) -> None:
    """ValueError: a rule or an option that does not exist, or a value out of range."""
    ops.check_step_options(rule_of_any(optimizer, group), text_of(group))


@torch.no_grad()
def initial_state(optimizer: StatefulOptimizer, parameter: Tensor, group: Mapping[str, Any], named: str) -> State:
    """The state that a step of this parameter starts with."""
    check_parameter(parameter, group, named)
    if not is_here(parameter):  # of a DTensor on a mesh of other processes
        return {}
    whole = list(parameter.shape) if is_spread(parameter) else None
    rule = rule_of_any(optimizer, group)
    try:
        kinds, tensors = ops.initial_state(block(parameter), rule, text_of(group), whole=whole)
        made = zip(kinds, tensors, strict=True)
        return {kind: spread_state(kind, t, parameter, group) for kind, t in made}
    except ValueError as error:
        raise ValueError(f"{named}: {error}") from error


def needed_state(optimizer: StatefulOptimizer, parameter: Tensor, group: Mapping[str, Any], named: str) -> State:
    """Shapes and dtypes of its state, in whole tensors without storage."""
    if not is_here(parameter):
        return {}
    like = torch.empty(parameter.shape, dtype=parameter.dtype, device="meta")
    return initial_state(optimizer, like, group, named)
