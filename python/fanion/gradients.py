"""Gradients a step must not use."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from fanion._library import ops
from fanion.parameter import label

Groups = Sequence[dict[str, Any]]


def refused_gradients(groups: Groups) -> set[Tensor]:
    """Parameters to skip: those whose gradient has NaN or Inf, in groups with nonfinite="skip".

    ValueError names parameters that have such a gradient in a group with nonfinite="error", or a sparse one in any.
    Cost: one read of each gradient and one device synchronisation in all; none for nonfinite="ignore".
    """
    looked_at = [entry for entry in _gradients(groups) if groups[entry[0]]["nonfinite"] != "ignore"]
    bad = [looked_at[i] for i in ops.nonfinite_gradients([p.grad for *_, p in looked_at])]
    errors = [label(groups[g], g, i) for g, i, _ in bad if groups[g]["nonfinite"] == "error"]
    if errors:
        more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
        raise ValueError(
            f"NaN or infinite entries in the gradient of {', '.join(errors[:3])}{more}; nothing was changed "
            "(nonfinite='skip' leaves such parameters alone)"
        )
    return {p for *_, p in bad}


def _gradients(groups: Groups) -> Iterator[tuple[int, int, Tensor]]:
    """Index of the group, index in it and parameter, where there is a gradient."""
    for g, group in enumerate(groups):
        for i, p in enumerate(group["params"]):
            if p.grad is None:
                continue
            if p.grad.layout != torch.strided:
                raise ValueError(f"{label(group, g, i)} has a sparse gradient; fanion's steps need dense ones")
            yield g, i, p
