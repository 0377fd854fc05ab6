"""What the modules around an optimizer see of it: its groups, its state and the rules of both."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

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

    def _check(self, group: Mapping[str, Any]) -> None:
        """ValueError: a rule or an option that does not exist, or a value out of range."""

    def _initial_state(self, parameter: Tensor, group: Mapping[str, Any], named: str) -> State:
        """The state that a step of this parameter starts with."""

    def _needed_state(self, parameter: Tensor, group: Mapping[str, Any], named: str) -> State:
        """Shapes and dtypes of its state, in whole tensors without storage."""
