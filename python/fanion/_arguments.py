"""The arguments that optimizers share, for `inspect` and type checkers; the library's table has the same defaults."""

from collections.abc import Sequence
from dataclasses import InitVar
from types import MappingProxyType

from torch import Tensor
from torch.optim.optimizer import ParamsT

from fanion._declared import DeclaredOptimizer

Coefficients = tuple[float, float, float] | Sequence[tuple[float, float, float]] | str


class _First(DeclaredOptimizer, kw_only=False):
    params: InitVar[ParamsT]
    lr: InitVar[float | Tensor] = 1e-3
    weight_decay: InitVar[float] = 0.1
    momentum: InitVar[float] = 0.95
    nesterov: InitVar[bool] = True


class _StepArguments(_First):
    momentum_kind: InitVar[str] = "ema"
    nonfinite: InitVar[str] = "error"
    transposed: InitVar[bool] = False
    momentum_dtype: InitVar[str] = "float32"
    normalize_weights: InitVar[bool] = False
    adamw_lr: InitVar[float | Tensor] = 1e-3
    adamw_betas: InitVar[tuple[float, float]] = (0.9, 0.999)
    adamw_eps: InitVar[float] = 1e-8
    adamw_weight_decay: InitVar[float] = 0.01


class RuleOptimizer(_StepArguments, kw_only=False):
    """Of any rule: the five common arguments by position, those of every step and of AdamW groups by keyword."""

    adjust_lr_fn: InitVar[str | None] = None


class TripletOptimizer(RuleOptimizer):
    """Of rules on the k leading singular triplets."""

    svd: InitVar[str] = "subspace"
    passes: InitVar[int | None] = None
    oversample: InitVar[int | None] = None


class _TorchMuonArguments(_StepArguments, kw_only=False):
    ns_coefficients: InitVar[Coefficients] = (3.4445, -4.775, 2.0315)
    eps: InitVar[float] = 0.0
    ns_steps: InitVar[int | None] = 5
    adjust_lr_fn: InitVar[str | None] = None


class PolarOptimizer(_TorchMuonArguments):
    """Of rules on the polar factor UVᵀ; by position the arguments are torch.optim.Muon's."""

    ns_dtype: InitVar[str | None] = None
    ns_form: InitVar[str | None] = None
    _before = MappingProxyType({"ns_form": "direct"})
