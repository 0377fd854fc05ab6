"""Matrix norms and rules by name: "spectral", "fanion:k=5", "0.3*nuclear + 0.7*max_entry"; `rules()` lists them.

With the dual norm ‖M‖† = max_{‖D‖≤1} ⟨M, D⟩, a norm's LMO satisfies ⟨M, lmo(M)⟩ = −‖M‖† (004 eq. 2, 3).
Matrices are (m, n), any float dtype; results are float64 for float64 input, else float32. No gradient flows through.
ValueError names what is unknown or does not fit, and the choices.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fanion._library import ops


class RuleInfo(NamedTuple):
    """A known rule: its name, the options it takes, and what it is."""

    name: str
    keys: str
    summary: str


@torch.no_grad()
def lmo(M: Tensor, rule: str) -> Tensor:
    """argmin_{‖D‖≤1} ⟨M, D⟩, (m, n), for a norm; for any other rule its direction. Zero gives zero."""
    direction: Tensor = ops.lmo(M, rule)
    return direction


@torch.no_grad()
def value(X: Tensor, norm: str) -> Tensor:
    """‖X‖, 0-dimensional.

    ValueError for rules that are no norm, and for sums that need the projection of a part that has none; RuntimeError
    where the bounds of a sum do not meet.
    """
    result: Tensor = ops.norm_value(X, norm)
    return result


@torch.no_grad()
def dual(M: Tensor, norm: str) -> Tensor:
    """‖M‖†, 0-dimensional. ValueError for rules that are no norm."""
    result: Tensor = ops.norm_dual(M, norm)
    return result


def rules() -> list[RuleInfo]:
    """Every name that `lmo` and the optimizers know."""
    return [RuleInfo(*line.split("\t")) for line in ops.rules()]
