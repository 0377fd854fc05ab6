"""Sign of the momentum."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

from fanion.optimizer import LmoOptimizer


class Signum(LmoOptimizer):
    """D = −sign(M), the LMO of the norm max|x_ij|.

    The arguments are `LmoOptimizer`'s. Cost: mn flops. Source: KyFan Table 1.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        adjust_lr_fn: str | None = None,
        **common: Any,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            adjust_lr_fn=adjust_lr_fn,
            rule_options={},
            **common,
        )

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        return "signum"
