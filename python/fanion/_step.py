"""A step of all parameters of an optimizer: one call of the library."""

from typing import Any

from fanion._library import ops
from fanion._optimizer_state import StatefulOptimizer
from fanion._options import text_of
from fanion._parameter import name_of
from fanion._spread import block, gradient, is_here, is_spread, spread_text
from fanion._unscale import unscale_


def step_parameters(
    optimizer: StatefulOptimizer, rules: list[str], log: Any, *, averaging: Any, stacks_everywhere: bool
) -> int:
    """Steps every parameter that has a gradient; returns how many were skipped, as far as the host knows.

    `rules`: of the groups. `log`: takes what is found on accelerators. `averaging`: the process group over which
    gradients of plain parameters are still to be averaged, or None. GradScaler's `grad_scale` and `found_inf` are
    read where it has set them.
    """
    # Where processes step together, they hear of parameters that have no gradient.
    stepped = [
        (index, i, p)
        for index, group in enumerate(optimizer.param_groups)
        for i, p in enumerate(group["params"])
        if is_here(p) and (p.grad is not None or is_spread(p) or averaging is not None)
    ]
    states = [optimizer.state[p] for _, _, p in stepped]
    scale = getattr(optimizer, "grad_scale", None)
    if scale is not None:
        unscale_([block(p.grad) for _, _, p in stepped if p.grad is not None], scale)
    return int(
        ops.step_(
            [block(p) for _, _, p in stepped],
            [gradient(p) for _, _, p in stepped],
            [block(tensor) for state in states for tensor in state.values()],
            kinds=[",".join(state) for state in states],
            group=[index for index, _, _ in stepped],
            position=[i for _, i, _ in stepped],
            names=[name_of(optimizer.param_groups[index], i) for index, i, _ in stepped],
            rules=rules,
            options=[text_of(group) for group in optimizer.param_groups],
            spreads=[spread_text(p, averaging) for _, _, p in stepped],
            log=log,
            found_inf=getattr(optimizer, "found_inf", None),
            stacks_everywhere=stacks_everywhere,
        )
    )
