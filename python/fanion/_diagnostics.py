"""What a step would do to every parameter, in numbers."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from fanion import norms
from fanion._library import ops
from fanion._optimizer_state import StatefulOptimizer
from fanion._options import number, text_of
from fanion._parameter import name_of
from fanion._spread import whole
from fanion.linalg import topk_svd


@dataclass(frozen=True)
class Diagnostics:
    """Of one matrix W with momentum M, m × n; 0 where W or M is zero.

    Of a parameter under AdamW M is the first moment, and the first three are None unless it is a matrix.
    Cost: those of the rule's direction and of its dual norm, for many a dense SVD. DTensors are gathered, one after the
    other, by all processes of their mesh.
    """

    sigma_1: float | None
    """Largest singular value of M."""
    stable_rank: float | None
    """‖M‖²_F/σ₁², from 1 to min(m, n)."""
    dual_norm: float | None
    """‖M‖†, what one unit of the step takes off the linearised loss; for a rule that is no norm's LMO ⟨M, −D⟩. None
    under AdamW and with `cosmos_rank`."""
    update_over_weight: float
    """‖step‖_F/‖W‖_F, without weight decay; the step is taken at M itself, without the look-ahead of Nesterov."""
    effective_lr: float
    """lr times what `adjust_lr_fn` makes of the shape; under AdamW lr."""


@torch.no_grad()
def diagnostics(optimizer: StatefulOptimizer) -> dict[str, Diagnostics]:
    """Diagnostics of every parameter of an optimizer by its name, or by its place where it has none.

    Of a parameter that holds several matrices under a rule, of each of them: "experts.w1[2]", "attn.qkv.weight[0]".
    """
    found = {}
    for index, group in enumerate(optimizer.param_groups):
        rule = optimizer.rule_of(group) if group["algorithm"] == "lmo" else None
        for i, p in enumerate(group["params"]):
            W, state = whole(p), {kind: whole(tensor) for kind, tensor in optimizer.state[p].items()}
            name = name_of(group, i) or f"{i} of group {index}"
            if rule is None:
                found[name] = _under_adamw(W, state, group)
                continue
            options = text_of(group)
            momenta = ops.held_matrices(state["momentum_buffer"], options)
            for place, W_i, M_i in zip(_places(W, options), ops.held_matrices(W, options), momenta, strict=True):
                found[name + place] = _under_rule(W_i, M_i, group, rule)
    return found


def _places(W: Tensor, options: str) -> list[str]:
    """Where each of the matrices that W holds stands in it, "[expert][part]"; "" where it is one."""
    front = ops.held_front(W.shape, options)
    return ["".join(f"[{i}]" for i in place) for place in product(*map(range, front))]


def _under_rule(W: Tensor, M: Tensor, group: dict[str, Any], rule: str) -> Diagnostics:
    lr = number("lr", group["lr"]) * ops.lr_factor(group["adjust_lr_fn"] or "original", rule, *W.shape)
    sigma_1, stable_rank = _spectrum(M)
    if group["cosmos_rank"] > 0:  # D is no function of M, but as long as the rule's nominal one
        m, n = W.shape
        length = 0.2 * math.sqrt(m * n) / ops.lr_factor("match_rms_adamw", rule, m, n) if sigma_1 > 0 else 0.0
        return Diagnostics(sigma_1, stable_rank, None, lr * _ratio(length, _norm(W)), lr)
    D = norms.rule_from_name(rule).direction(M).dense()
    try:
        dual = norms.norm_from_name(rule).dual(M)
    except ValueError:  # a rule that is no norm's
        dual = -torch.sum(M.double() * D.double())
    return Diagnostics(sigma_1, stable_rank, float(dual), lr * _ratio(_norm(D), _norm(W)), lr)


def _under_adamw(p: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Diagnostics:
    lr, (beta1, beta2), steps = number("lr", group["lr"]), group["betas"], float(state["step"])
    step = torch.zeros(())
    if steps > 0:
        first, second = state["exp_avg"].double(), state["exp_avg_sq"].double()
        step = first / (1 - beta1**steps) / ((second / (1 - beta2**steps)).sqrt() + group["eps"])
    is_matrix = p.ndim == 2 and p.numel() > 0
    sigma_1, stable_rank = _spectrum(state["exp_avg"]) if is_matrix else (None, None)
    return Diagnostics(sigma_1, stable_rank, None, lr * _ratio(_norm(step), _norm(p)), lr)


def _spectrum(M: Tensor) -> tuple[float, float]:
    """σ₁ and ‖M‖²_F/σ₁²."""
    X = M if M.dtype == torch.float64 else M.float()
    sigma_1 = float(topk_svd(X, 1)[1][0])
    return sigma_1, _ratio(_norm(X), sigma_1) ** 2


def _norm(X: Tensor) -> float:
    return float(torch.linalg.vector_norm(X.double()))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else 0.0
