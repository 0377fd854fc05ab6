"""Optimizers on the leading singular pair u₁v₁ᵀ of the momentum M."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from fanion._rule_text import TRIPLET_KEYS, rule_text
from fanion.optimizer import LmoOptimizer


class Neon(LmoOptimizer):
    """D = −u₁v₁ᵀ, the LMO of the nuclear norm.

    `svd`: how the pair is found. "subspace": `passes` (2) block power passes with `oversample` (4) extra columns,
    started from the last step's; "lanczos": to 1e-5, "dense": by LAPACK, "auto": one of these two, and these three
    refuse the other two options.
    The other arguments are `LmoOptimizer`'s.
    Cost with "subspace": 4mn(1 + oversample) flops a pass, n(1 + oversample) numbers of state.
    Source: KyFan Lemma 3.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        adjust_lr_fn: str | None = None,
        *,
        svd: str = "subspace",
        passes: int | None = None,
        oversample: int | None = None,
        **common: Any,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            adjust_lr_fn=adjust_lr_fn,
            rule_options={"svd": svd, "passes": passes, "oversample": oversample},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text("neon", group, TRIPLET_KEYS)


class FNeon(LmoOptimizer):
    """D = −(α·u₁v₁ᵀ + (1−α)·M/‖M‖_F), the LMO of the norm with dual α·σ₁ + (1−α)·‖M‖_F.

    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO (KyFan §4.2 uses α > 1).
    The other arguments are `Neon`'s. Cost: Neon's plus 4mn flops. Source: KyFan Lemma 5.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        adjust_lr_fn: str | None = None,
        *,
        alpha: float = 0.5,
        svd: str = "subspace",
        passes: int | None = None,
        oversample: int | None = None,
        **common: Any,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            adjust_lr_fn=adjust_lr_fn,
            rule_options={"alpha": alpha, "svd": svd, "passes": passes, "oversample": oversample},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text("f-neon", group, ("alpha", *TRIPLET_KEYS))
