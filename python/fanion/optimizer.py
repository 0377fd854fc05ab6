"""The optimizer all others are: groups, state, and the one step."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from fanion._averaging import average_momenta, averaging_group
from fanion._checkpoint import restoring
from fanion._diagnostics import Diagnostics, diagnostics
from fanion._group_table import parameters_table, settings_table
from fanion._library import ops
from fanion._optimizer_state import check_options, initial_state, rule_of_any
from fanion._options import (
    ALGORITHMS,
    STEP_OPTIONS,
    check_own_options,
    choice,
    documented,
    unknown_argument,
    without_decay,
)
from fanion._parameter import label
from fanion._step import step_parameters
from fanion._warm_starts import fit_warm_starts


class LmoOptimizer(torch.optim.Optimizer):
    """W ← (1 − lr·weight_decay)·W + lr·scale·D(M), with D the direction that a rule gives for the momentum M.

    `params`: tensors, (name, tensor) pairs or groups, as for every torch optimizer; `fanion.param_groups(model)`
    makes the groups. DTensors (FSDP2, tensor parallelism) are stepped in place by all processes of their mesh:
    docs/scaling.md. A group with algorithm="lmo" (the default) holds matrices and convolution weights
    (out × in·kh·kw; in × out with the key transposed=True) and takes the keys below; one with algorithm="adamw" holds
    anything and takes the keys lr, betas, eps, weight_decay, whose defaults are the adamw_* arguments
    (torch.optim.AdamW's); "adam" stands for that without decay. Parameters are float32, float64, bfloat16 or float16.

    `rule`: text for `fanion.norms.rules()`, for example "0.3*nuclear + 0.7*max_entry"; subclasses build theirs
      from options of their own.
    Options of the step, for all optimizers here; numbers may be tensors of one element, None stands for a default:
    {options}
    `rule_options`: for subclasses, the group keys that their `rule_of` reads, with defaults; `rule` is then unused.
    State is made when parameters are added: `momentum_buffer` (float32, or float64 for float64 parameters) and
    `warm_start`, or `exp_avg`, `exp_avg_sq`, `step`. Sources: KyFan eq. 5, 8; Loshchilov & Hutter 2017.
    """

    skipped: int
    """Parameters left alone so far because of non-finite gradients; not part of `state_dict`.

    Of steps on an accelerator those that `check` has seen."""

    _step_supports_amp_scaling = True  # GradScaler hands over `grad_scale` and `found_inf`, and waits for nothing
    _averaging: Any = None  # the process group over which steps average gradients
    _stacks_everywhere = False  # tests send tensors of the CPU the accelerators' way

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
        adamw_lr: float | Tensor = 1e-3,
        adamw_betas: tuple[float, float] = (0.9, 0.999),
        adamw_eps: float = 1e-8,
        adamw_weight_decay: float = 0.01,
        rule_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        for key in options:
            if key not in STEP_OPTIONS:
                raise TypeError(unknown_argument(type(self), key))
        explicit = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "adjust_lr_fn": adjust_lr_fn,
        }
        defaults = {
            **explicit,
            **{name: option.default for name, option in STEP_OPTIONS.items() if name not in explicit},
            **options,
            **({"rule": rule} if rule_options is None else rule_options),
        }
        self._adamw_defaults = {
            "lr": adamw_lr,
            "betas": adamw_betas,
            "eps": adamw_eps,
            "weight_decay": adamw_weight_decay,
            "nonfinite": defaults["nonfinite"],
        }
        self.skipped = 0
        self._fitted_rules: list[str] = []  # those that the warm starts were last seen to fit
        # Checked even where every group has its own, or no group uses them.
        check_options(self, {"algorithm": "lmo", **defaults})
        check_options(self, {"algorithm": "adamw", **self._adamw_defaults})
        super().__init__(params, defaults)

    def rule_of(self, group: Mapping[str, Any]) -> str:
        """Text of the rule that an "lmo" group follows."""
        return str(group["rule"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group and makes its state. ValueError names the parameter that does not fit, and nothing is added."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group must be a dict, got {type(param_group).__name__}")
        group = without_decay(param_group) if param_group.get("algorithm") == "adam" else dict(param_group)
        if choice("algorithm", group.setdefault("algorithm", "lmo"), ALGORITHMS) == "adamw":
            # torch's ZeroRedundancyOptimizer writes the matrix rules' options into every group.
            foreign = self.defaults.keys() - self._adamw_defaults - {"transposed"}  # which check_parameter refuses
            own = {key: value for key, value in group.items() if key not in foreign}
            group = {**self._adamw_defaults, **own}
        else:
            check_own_options(type(self), group, self.defaults)
        keys = set(group)
        super().add_param_group(group)
        try:
            if group["algorithm"] == "adamw":
                for key in self.defaults.keys() - keys:
                    del group[key]
            check_options(self, group)
            index = len(self.param_groups) - 1
            states = [initial_state(self, p, group, label(group, index, i)) for i, p in enumerate(group["params"])]
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

        ValueError names the first option, parameter, state or gradient that cannot be used; then nothing has changed.
        On an accelerator a gradient with NaN is told of by a later call, for a step waits for nothing: see `check`.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.skipped += ops.poll_nonfinite_log(self._nonfinite_log(), wait=False)
        rules = [rule_of_any(self, group) for group in self.param_groups]
        if rules != self._fitted_rules:  # options have changed
            fit_warm_starts(self)
            self._fitted_rules = rules
        log, everywhere = self._nonfinite_log(), self._stacks_everywhere
        self.skipped += step_parameters(self, rules, log, averaging=self._averaging, stacks_everywhere=everywhere)
        return loss

    def average_gradients(self, group: Any = None) -> None:
        """From now on steps average gradients over a process group (torch.distributed's default one for None).

        For plain parameters, the same on every process, with gradients of each process's own part of a batch, that is
        without DistributedDataParallel, or under its `no_sync()`. Every process keeps a momentum of its own gradients,
        and rules that need of the momentum's mean M nothing but products M V and Mᵀ U take the means of these, so that
        the trajectory is that of averaged gradients up to rounding, and (m + n)·c numbers are sent for a matrix in
        place of mn: docs/scaling.md. Gradients of AdamW groups are averaged whole. `state_dict` and `diagnostics` give
        every momentum its mean first, which changes no step: all processes call them.
        ValueError: a DTensor, whose engine averages its gradients; in the next step a rule that needs M itself.
        """
        self._averaging = averaging_group(self, group)

    def check(self) -> None:
        """Waits for what steps on an accelerator have found in their gradients, and brings `skipped` up to date.

        ValueError names what had NaN or infinite entries in a step with nonfinite="error", which changed nothing. Steps
        do not wait: a later one raises the same once the device has told it, and `state_dict` checks first.
        """
        self.skipped += ops.poll_nonfinite_log(self._nonfinite_log(), wait=True)

    def state_dict(self) -> dict[str, Any]:
        """torch's, of steps that are known to be good: see `check`."""
        self.check()
        average_momenta(self, self._averaging)
        return super().state_dict()

    def table(self, *, each: bool = False) -> str:
        """One line per group: rule, shape scale, learning rate and weight decay as they are now, and what is in it.

        Where parameters are spread over processes, also how directions are found: by "sums" over their blocks (Muon's
        Gram form, say), each by its "owner", or by "products" with momenta that are averaged; see docs/scaling.md.
        `each`: one line per parameter instead: its group, the matrices it holds, rule, that rule's norm, what
        `adjust_lr_fn` makes of the rate, rate, decay, and what decided on its group, where `param_groups` made it.
        """
        return parameters_table(self) if each else settings_table(self, self._averaging)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """torch's, but state keeps its own dtype, whatever the parameter's (see `_checkpoint.restored_state`).

        Parameters given by name get the state saved under their name, in whatever order they come. `Muon` loads
        torch.optim.Muon's too, and an AdamW group torch.optim.AdamW's; both at once: `fanion.state_dict_from_torch`.
        A `k` that was changed, there or in a group, resizes the warm starts.
        """
        with restoring(self):
            super().load_state_dict(state_dict)

    def diagnostics(self) -> dict[str, Diagnostics]:
        """Numbers of every parameter by its name, of the state as it is now: which, and their cost: `Diagnostics`."""
        average_momenta(self, self._averaging)
        return diagnostics(self)

    def __getstate__(self) -> dict[str, Any]:
        own = ("_adamw_defaults", "skipped", "_fitted_rules")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}}

    def _nonfinite_log(self) -> Any:
        """What steps on an accelerator have found and nobody has read; a copy of an optimizer starts its own."""
        if "_log" not in self.__dict__:
            self._log = ops.nonfinite_log()
        return self._log


_own = inspect.signature(LmoOptimizer.__init__)
_named = [p for p in _own.parameters.values() if p.kind != p.VAR_KEYWORD]
_more = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option.default)
    for name, option in STEP_OPTIONS.items()
    if name not in _own.parameters
]
LmoOptimizer.__init__.__signature__ = _own.replace(parameters=[*_named, *_more])  # type: ignore[attr-defined]
if LmoOptimizer.__doc__ is not None:
    LmoOptimizer.__doc__ = LmoOptimizer.__doc__.replace("    {options}", documented(STEP_OPTIONS.values()))
