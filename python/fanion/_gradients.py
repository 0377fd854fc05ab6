"""No gradient flows through what C++ computes, and who asks for one is told so."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def without_gradients(function: Callable[P, R]) -> Callable[P, R]:
    """`function` under no_grad. ValueError where an argument requires a gradient, which would be lost in silence."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_gradients(function.__qualname__, *args, *kwargs.values())
        with torch.no_grad():
            return function(*args, **kwargs)

    return checked


def refuse_gradients(name: str, *arguments: Any) -> None:
    """ValueError, naming the function, where one of the arguments is a tensor that requires a gradient now."""
    if torch.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in arguments):
        raise ValueError(
            f"{name} was given a tensor that requires a gradient, and none flows through: pass it with .detach(), or "
            "call under torch.no_grad()"
        )
