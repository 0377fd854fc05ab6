"""The arguments that optimizers share, for `inspect` and type checkers; the library's table has the same defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import override

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
    flatten: InitVar[bool] = True
    split_sizes: InitVar[Sequence[int] | None] = None
    num_heads: InitVar[int] = 1
    interleaved: InitVar[bool] = False
    momentum_dtype: InitVar[str] = "float32"
    normalize_weights: InitVar[bool] = False
    adapt: InitVar[str] = "none"
    adapt_beta: InitVar[float] = 0.95
    weight_decay_method: InitVar[str] = "decoupled"
    error_feedback: InitVar[bool] = False
    cosmos_rank: InitVar[float] = 0
    cosmos_gamma: InitVar[float] = 0.2
    cosmos_beta: InitVar[float] = 0.95
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


class RankOptimizer(TripletOptimizer):
    """Of rules on k of them, or on ⌈rank_fraction·min(m, n)⌉."""

    k: InitVar[int | None] = None
    rank_fraction: InitVar[float | None] = None
    _before = MappingProxyType({"rank_fraction": None})


_NEWTON_SCHULZ = ("ns_coefficients", "eps", "ns_steps", "ns_dtype", "ns_form", "ns_norm")


class _TorchMuonArguments(_StepArguments, kw_only=False):
    ns_coefficients: InitVar[Coefficients] = (3.4445, -4.775, 2.0315)
    eps: InitVar[float] = 0.0
    ns_steps: InitVar[int | None] = 5
    adjust_lr_fn: InitVar[str | None] = None


class PolarOptimizer(_TorchMuonArguments):
    """Of rules on the polar factor UVᵀ; by position the arguments are torch.optim.Muon's."""

    polar: InitVar[str] = "newton_schulz"
    ns_dtype: InitVar[str | None] = None
    ns_form: InitVar[str | None] = None
    ns_norm: InitVar[str | None] = None
    _before = MappingProxyType({"ns_form": "direct", "ns_norm": None, "polar": None})

    @override
    def rule_of(self, group: Mapping[str, Any]) -> str:
        if group.get("polar") == "exact":  # what Newton–Schulz would do says nothing; what was asked of it is refused
            defaults = {p.name: p.default for p in self._arguments if p.name in _NEWTON_SCHULZ}
            group = {**group, **{key: None for key, value in defaults.items() if group[key] == value}}
        return super().rule_of(group)


class PlainOptimizer(RuleOptimizer, kw_only=False):
    """Of rules that are used without momentum and decay."""

    weight_decay: InitVar[float] = 0.0
    momentum: InitVar[float] = 0.0
    nesterov: InitVar[bool] = False
