"""Dion: a low-rank step whose rest stays in the momentum."""

from dataclasses import InitVar

from torch import Tensor

from fanion._arguments import RuleOptimizer


class _DionDefaults(RuleOptimizer, kw_only=False):
    lr: InitVar[float | Tensor] = 0.01
    weight_decay: InitVar[float] = 0.01
    nesterov: InitVar[bool] = False
    adjust_lr_fn: InitVar[str | None] = "rms_to_rms"


class Dion(_DionDefaults, rule="dion"):
    """B ← B + g, D = −P Qᵀ, B ← B − (1−μ)·P Pᵀ B: P = orth(B Q₀), Q = Bᵀ P with unit columns, Q₀ the last step's Q.

    Where m < n it is the transpose of Bᵀ's.

    `k`: 1 to min(m, n) of every matrix, or `rank_fraction` in (0, 1], of which k is ⌈rank_fraction·min(m, n)⌉; one of
    them. `passes`: power steps (dion's power_iters). `momentum` is μ. Defaults and steps are those of microsoft/dion's
    `Dion`: the rule "dion" with error feedback, a sum without Nesterov and the factor √(m/n) on lr, which the other
    arguments, `LmoOptimizer`'s, change.
    Cost: 4mnk flops a pass and as many for the feedback, nk numbers of state.
    Source: Ahn & Xu 2025, Algorithm 1.
    """

    k: InitVar[int | None] = None
    rank_fraction: InitVar[float | None] = None
    passes: InitVar[int] = 1
    momentum_kind: InitVar[str] = "sum"
    error_feedback: InitVar[bool] = True
