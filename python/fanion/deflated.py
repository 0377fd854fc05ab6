"""The optimizer on the k leading singular pairs of the momentum M and a map of the rest."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from fanion._rule_text import TRIPLET_KEYS, rule_text
from fanion.optimizer import LmoOptimizer


class DFanion(LmoOptimizer):
    """D = −(Σ_{i≤k}u_iv_iᵀ + c·N(R)), R = M − Σ_{i≤k}σ_iu_iv_iᵀ, ‖c·N(R)‖_F = √(min(m, n) − k).

    `residual`: N(R) is "sign" sign(R), "row_norm" ("col_norm") every row (column) of R over its 2-norm, "frobenius"
    R/‖R‖_F, or "clip" R/σ_{k+1} with c = 1. `k`: 0 to min(m, n) of every matrix; 0 is Signum (for "sign"),
    min(m, n) is Muon. It is no norm's LMO. `svd`, `passes`, `oversample` are `Neon`'s, the rest `LmoOptimizer`'s.
    Cost: that of Fanion-k (for "clip", k + 1) plus 2mnk flops. Source: docs/conventions.md, "Deflated Fanions".
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
        residual: str = "sign",
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
            rule_options={"k": k, "residual": residual, "svd": svd, "passes": passes, "oversample": oversample},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return rule_text("d-fanion", group, ("k", "residual", *TRIPLET_KEYS))
