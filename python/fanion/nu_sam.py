"""Sharpness-aware minimisation with the nuclear norm: gradients are taken a rank-one step uphill."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from fanion.linalg import topk_svd


class NuSAM(torch.optim.Optimizer):
    """Steps of `base_optimizer` with the gradient at W + ρ·u₁v₁ᵀ, the highest point near W in a nuclear-norm ball.

    u₁, v₁ are the leading pair of the gradient at W: −ρ times the LMO of the nuclear norm, where SAM has ρ·g/‖g‖_F.
    Convolution weights are out × in·kh·kw; of vectors, whose nuclear norm is the 2-norm, the step is ρ·g/‖g‖. Each
    parameter has a ball of its own.

    >>> optimizer = fanion.NuSAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.05)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = torch.nn.functional.cross_entropy(model(x), y)
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)

    `rho`: finite, not negative; 0 is the base optimizer. `passes`: power passes from the last step's v₁, a state.
    `param_groups` are the base's; schedulers take the base. Parameters without a gradient stay where they are; weights
    are put back as they were, bit for bit, also where the second call of the closure raises.
    Cost: a second gradient, 4mn flops a pass, and a copy of the weights while it is taken. ValueError: NaN or Inf in
    the gradient of a matrix, before anything has changed.
    Source: Pethick et al. 2025a, ν SAM, by power passes from a warm start for its single one from a random start.
    """

    def __init__(self, base_optimizer: torch.optim.Optimizer, rho: float = 0.05, *, passes: int = 1) -> None:
        if not isinstance(base_optimizer, torch.optim.Optimizer):
            raise TypeError(f"base_optimizer must be a torch optimizer, got {type(base_optimizer).__name__}")
        if not (math.isfinite(rho) and rho >= 0):
            raise ValueError(f"rho = {rho} must be finite and not negative")
        if passes < 1:
            raise ValueError(f"passes = {passes} must be at least 1")
        super().__init__([p for group in base_optimizer.param_groups for p in group["params"]], {})
        self.base_optimizer, self.rho, self.passes = base_optimizer, rho, passes
        self.param_groups = base_optimizer.param_groups
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim > 1:
                    self.state[p]["warm_start"] = _first_start(p)

    @override
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what `closure` did the first time. It is called twice, clears gradients and makes them."""
        if closure is None:
            raise ValueError("NuSAM.step needs a closure that clears the gradients, makes them and returns the loss")
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            ascents = {p: self._ascent(p) for group in self.param_groups for p in group["params"] if p.grad is not None}
            before = {p: p.detach().clone() for p in ascents}
            try:
                for p, ascent in ascents.items():
                    p.add_(ascent.to(p.dtype))
                with torch.enable_grad():
                    closure()
            finally:
                for p, weights in before.items():
                    p.copy_(weights)
        self.base_optimizer.step()
        return loss

    def _ascent(self, p: Tensor) -> Tensor:
        """ρ·u₁v₁ᵀ of the gradient, in the parameter's shape."""
        assert p.grad is not None
        g = p.grad if p.grad.dtype == torch.float64 else p.grad.float()
        if "warm_start" not in self.state[p]:
            norm = torch.linalg.vector_norm(g)
            return g * torch.where(norm > 0, self.rho / norm, 0.0)
        matrix, start = g.flatten(1), self.state[p]["warm_start"]
        U, S, V, _ = topk_svd(
            matrix, 1, method="subspace", criterion="passes", passes=self.passes, oversample=0, warm_start=start
        )
        found = S[0] > 0
        start.copy_(torch.where(found, V, start))
        return (torch.where(found, self.rho, 0.0).to(U.dtype) * (U @ V.mT)).view_as(p)

    @override
    def state_dict(self) -> dict[str, Any]:
        """The base's state, and the warm starts in the order of the parameters."""
        return {"base": self.base_optimizer.state_dict(), "warm_starts": [start.clone() for start in self._starts()]}

    @override
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """What `state_dict` gave. ValueError where the warm starts are those of other parameters."""
        own, saved = self._starts(), state_dict["warm_starts"]
        shapes = [tuple(start.shape) for start in own], [tuple(start.shape) for start in saved]
        if shapes[0] != shapes[1]:
            raise ValueError(f"the saved warm starts have shapes {shapes[1]}, needed are {shapes[0]}")
        self.base_optimizer.load_state_dict(state_dict["base"])
        self.param_groups = self.base_optimizer.param_groups
        with torch.no_grad():
            for start, values in zip(own, saved, strict=True):
                start.copy_(values)

    def _starts(self) -> list[Tensor]:
        return [
            self.state[p]["warm_start"]
            for group in self.param_groups
            for p in group["params"]
            if "warm_start" in self.state[p]
        ]


def _first_start(p: Tensor) -> Tensor:
    """Normal numbers of a fixed seed, (n, 1)."""
    dtype = torch.float64 if p.dtype == torch.float64 else torch.float32
    generator = torch.Generator().manual_seed(0)
    return torch.randn(p[0].numel() if p.numel() else 0, 1, generator=generator, dtype=dtype).to(p.device)
