"""Optimizers on the k leading singular pairs of the momentum M."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from fanion._rule_text import TRIPLET_KEYS, rule_text
from fanion.optimizer import LmoOptimizer


class Fanion(LmoOptimizer):
    """D = −Σ_{i≤k}u_iv_iᵀ, the LMO of the norm max(Σσ/k, σ₁), whose dual is Σ_{i≤k}σ_i.

    `k`: 1 to min(m, n) of every matrix; 1 is Neon, min(m, n) Muon. `svd`, `passes`, `oversample` are `Neon`'s, the
    other arguments `LmoOptimizer`'s.
    Cost with svd="subspace": 4mn(k + oversample) flops a pass, n(k + oversample) numbers of state.
    Source: KyFan Lemma 6.
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
        k: int,
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
            rule_options={"k": k, "svd": svd, "passes": passes, "oversample": oversample},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text("fanion", group, ("k", *TRIPLET_KEYS))


class FFanion(LmoOptimizer):
    """D = −(α·Σ_{i≤k}u_iv_iᵀ + (1−α)·M/‖M‖_F), the LMO of the norm with dual α·Σ_{i≤k}σ_i + (1−α)·‖M‖_F.

    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO (KyFan §4.2 uses α > 1).
    The other arguments are `Fanion`'s. Cost: Fanion's plus 4mn flops. Source: KyFan §2.8.
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
        k: int,
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
            rule_options={"k": k, "alpha": alpha, "svd": svd, "passes": passes, "oversample": oversample},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text("f-fanion", group, ("k", "alpha", *TRIPLET_KEYS))
