"""The optimizer all others are: groups, state, and the one step."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT
from typing_extensions import Never

from fanion._library import ops
from fanion.checkpoint import resized, restored_state
from fanion.diagnostics import Diagnostics, diagnostics
from fanion.gradients import refused_gradients
from fanion.group_table import settings_table
from fanion.options import (
    ALGORITHMS,
    adamw_arguments,
    check_own_options,
    choice,
    lmo_arguments,
    nonfinite_policy,
    unknown_argument,
)
from fanion.parameter import as_matrix, check_parameter, label, name_of
from fanion.torch_checkpoint import completed

State = dict[str, Tensor]


class LmoOptimizer(torch.optim.Optimizer):
    """W ← (1 − lr·weight_decay)·W + lr·scale·D(M), with D the direction that a rule gives for the momentum M.

    `params`: tensors, (name, tensor) pairs or groups, as for every torch optimizer; `fanion.param_groups(model)`
    makes the groups. A group with algorithm="lmo" (the default) holds matrices and convolution weights
    (out × in·kh·kw; in × out with the key transposed=True) and takes the keys below; one with algorithm="adamw" holds
    anything and takes the keys lr, betas, eps, weight_decay, whose defaults are the adamw_* arguments
    (torch.optim.AdamW's). Parameters are float32, float64, bfloat16 or float16.

    `rule`: text for `fanion.norms.rules()`, for example "0.3*nuclear + 0.7*max_entry"; subclasses build theirs
      from options of their own.
    `lr` ≥ 0, a number or a tensor of one element; `weight_decay` ≥ 0; `momentum` in [0, 1).
    `momentum_kind`: "ema", B ← μB + (1−μ)g, or "sum", B ← μB + g. `nesterov`: D at (1−μ)g + μB or g + μB, else B.
    `adjust_lr_fn`: scale for m × n: "original" or None √max(1, m/n), "match_rms_adamw" 0.2·√(mn)/‖D‖_F with the rule's
      nominal ‖D‖_F (docs/conventions.md), so that AdamW's rates carry over, "rms_to_rms" √(m/n), "none" 1.
    `nonfinite`: a gradient with NaN or Inf is an "error", raised before anything changes; "skip" leaves that
      parameter alone and counts it in `skipped`; "ignore" does not look.
    `rule_options`: for subclasses, the group keys that their `rule_of` reads, with defaults; `rule` is then unused.
    State is made when parameters are added: `momentum_buffer` (float32, or float64 for float64 parameters) and
    `warm_start`, or `exp_avg`, `exp_avg_sq`, `step`. Sources: KyFan eq. 5, 8; Loshchilov & Hutter 2017.
    """

    skipped: int
    """Parameters left alone so far because of non-finite gradients; not part of `state_dict`."""

    def __init__(
        self,
        params: ParamsT,
        rule: str = "muon",
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        *,
        adjust_lr_fn: str | None = None,
        momentum_kind: str = "ema",
        nonfinite: str = "error",
        adamw_lr: float | Tensor = 1e-3,
        adamw_betas: tuple[float, float] = (0.9, 0.999),
        adamw_eps: float = 1e-8,
        adamw_weight_decay: float = 0.01,
        rule_options: Mapping[str, Any] | None = None,
        **unknown: Never,
    ) -> None:
        if unknown:
            raise TypeError(unknown_argument(type(self), next(iter(unknown))))
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "adjust_lr_fn": adjust_lr_fn,
            "momentum_kind": momentum_kind,
            "nonfinite": nonfinite,
            **({"rule": rule} if rule_options is None else rule_options),
        }
        self._adamw_defaults = {
            "lr": adamw_lr,
            "betas": adamw_betas,
            "eps": adamw_eps,
            "weight_decay": adamw_weight_decay,
            "nonfinite": nonfinite,
        }
        self.skipped = 0
        self._fitted_rules: list[str | None] = []  # those that the warm starts were last seen to fit
        # Checked even where every group has its own, or no group uses them.
        self._arguments({"algorithm": "lmo", **defaults})
        self._arguments({"algorithm": "adamw", **self._adamw_defaults})
        super().__init__(params, defaults)

    def rule_of(self, group: Mapping[str, Any]) -> str:
        """Text of the rule that an "lmo" group follows."""
        return str(group["rule"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group and makes its state. ValueError names the parameter that does not fit, and nothing is added."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group must be a dict, got {type(param_group).__name__}")
        group = dict(param_group)
        if choice("algorithm", group.setdefault("algorithm", "lmo"), ALGORITHMS) == "adamw":
            # torch's ZeroRedundancyOptimizer writes the matrix rules' options into every group.
            own = {key: value for key, value in group.items() if key not in self.defaults.keys() - self._adamw_defaults}
            group = {**self._adamw_defaults, **own}
        else:
            check_own_options(type(self), group, self.defaults)
        keys = set(group)
        super().add_param_group(group)
        try:
            if group["algorithm"] == "adamw":
                for key in self.defaults.keys() - keys:
                    del group[key]
            self._arguments(group)
            index = len(self.param_groups) - 1
            states = [self._initial_state(p, group, label(group, index, i)) for i, p in enumerate(group["params"])]
        except Exception:
            self.param_groups.pop()
            raise
        self.state.update(zip(group["params"], states, strict=True))

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    # As in torch.optim: a graph breaks here; it loads the compiler when a step is first made.
    @torch._disable_dynamo  # type: ignore[attr-defined]
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of every parameter that has a gradient; returns what `closure`, called first, returns.

        ValueError names the first options or gradients that cannot be used; then no parameter has changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        arguments = [self._arguments(group) for group in self.param_groups]
        self._fit_warm_starts([keywords.get("rule") for keywords in arguments])
        refused = refused_gradients(self.param_groups)
        for index, (group, keywords) in enumerate(zip(self.param_groups, arguments, strict=True)):
            active = [i for i, p in enumerate(group["params"]) if p.grad is not None and p not in refused]
            params = [group["params"][i] for i in active]
            states = [self.state[p] for p in params]
            operator, kinds = _OPERATORS[group["algorithm"]]
            operator(
                [as_matrix(p, group) for p in params],
                [as_matrix(p.grad, group) for p in params],
                *([as_matrix(state[kind], group, kind) for state in states] for kind in kinds),
                **keywords,
                nonfinite="ignore",  # looked at already, for all groups
                names=[name_of(group, index, i) for i in active],
            )
        self.skipped += len(refused)
        return loss

    def table(self) -> str:
        """One line per group: rule, shape scale, learning rate and weight decay as they are now, and what is in it."""
        return settings_table(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """torch's, but state keeps its own dtype, whatever the parameter's (see `checkpoint.restored_state`).

        `Muon` loads torch.optim.Muon's too, and an AdamW group torch.optim.AdamW's; both at once:
        `fanion.state_dict_from_torch`. A `k` that was changed, there or in a group, resizes the warm starts.
        """
        loaded: dict[Tensor, State] = {}

        def load(_: torch.optim.Optimizer, saved: Mapping[str, Any]) -> Any:
            saved = completed(self, saved)
            loaded.update(restored_state(self, saved))
            return saved

        # Hooks, so that the caller's own hooks see and change what they would in any torch optimizer.
        before = self.register_load_state_dict_pre_hook(load)
        after = self.register_load_state_dict_post_hook(lambda _: self.state.update(loaded), prepend=True)
        try:
            super().load_state_dict(state_dict)
        finally:
            before.remove()
            after.remove()

    def diagnostics(self) -> dict[str, Diagnostics]:
        """Numbers of every parameter by its name, of the state as it is now: which, and their cost: `Diagnostics`."""
        return diagnostics(self)

    def __getstate__(self) -> dict[str, Any]:
        own = ("_adamw_defaults", "skipped", "_fitted_rules")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}}

    def _arguments(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The operator's keyword arguments for a group, all of them checked."""
        nonfinite_policy(group)
        if group["algorithm"] == "adamw":
            return adamw_arguments(group)
        rule = self.rule_of(group)
        ops.canonical_rule(rule)  # throws if there is no such rule
        return {"rule": rule, **lmo_arguments(group)}

    def _fit_warm_starts(self, rules: list[str | None]) -> None:
        """Gives warm starts as many columns as the groups' rules need since their options have changed."""
        if rules == self._fitted_rules:
            return
        new = {}
        for index, group in enumerate(self.param_groups):
            for i, p in enumerate(group["params"] if rules[index] is not None else []):
                named = label(group, index, i)
                needed = self._initial_state(torch.empty_like(p, device="meta"), group, named)["warm_start"]
                first = partial(self._initial_state, p, group, named)
                new[p] = resized(self.state[p]["warm_start"], needed, first)
        for p, warm in new.items():
            self.state[p]["warm_start"] = warm
        self._fitted_rules = rules

    @torch.no_grad()
    def _initial_state(self, parameter: Tensor, group: Mapping[str, Any], named: str) -> State:
        check_parameter(parameter, group, named)
        if group["algorithm"] == "adamw":
            return dict(zip(_OPERATORS["adamw"][1], ops.adamw_state(parameter), strict=True))
        try:
            state = ops.lmo_state(as_matrix(parameter, group), self.rule_of(group))
            return {kind: as_matrix(t, group, kind) for kind, t in zip(_OPERATORS["lmo"][1], state, strict=True)}
        except ValueError as error:
            raise ValueError(f"{named}: {error}") from error


# Operator of each algorithm, and its state in the operator's order.
_OPERATORS: dict[str, tuple[Callable[..., int], tuple[str, ...]]] = {
    "lmo": (ops.lmo_step_, ("momentum_buffer", "warm_start")),
    "adamw": (ops.adamw_step_, ("exp_avg", "exp_avg_sq", "step")),
}
