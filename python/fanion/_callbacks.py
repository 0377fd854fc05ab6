"""How C++ calls back into Python: by a number, through a torch op, which takes the GIL and lets exceptions through."""

import itertools
from typing import Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor


class Callee(Protocol):
    """What can be called back: products of an operator."""

    def _call(self, X: Tensor, adjoint: bool) -> Tensor: ...


_keys = itertools.count()
_callees: WeakValueDictionary[int, Callee] = WeakValueDictionary()


def key_of(callee: Callee) -> int:
    """A number by which C++ reaches `callee`, for as long as somebody else keeps it alive: nothing is held here."""
    key = next(_keys)
    _callees[key] = callee
    return key


def _product(key: int, X: Tensor, adjoint: bool) -> Tensor:
    return _callees[key]._call(X, adjoint)


_library = torch.library.Library("fanion_python", "DEF")  # type: ignore[no-untyped-call]
_library.define("product(int key, Tensor X, bool adjoint) -> Tensor")  # type: ignore[no-untyped-call]
_library.impl("product", _product, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
