"""torch's own table of optimizers: its inputs, its problem, and what it compares."""

import importlib
import inspect
import sys
import unittest
from types import SimpleNamespace

import torch
from torch import nn
from trajectories import tensors_of

# torch's helpers derive one class from a package that torch does not bring along; nothing else of it is used here.
sys.modules.setdefault("expecttest", SimpleNamespace(TestCase=unittest.TestCase))
table = importlib.import_module("torch.testing._internal.common_optimizers")


def kwargs_for(make):
    """The keyword arguments of torch's inputs for Muon that the class takes."""
    taken = set(inspect.signature(make).parameters)
    if "residual" in taken:  # DFanion takes these for residual="newton_schulz" alone
        taken = {name for name in taken if not name.startswith("ns_")}
    inputs = table.optim_inputs_func_muon("cpu", torch.float32)
    return [given.kwargs for given in inputs if given.kwargs.keys() <= taken]


def problem(make, contiguous=True, **options):
    """An optimizer of a weight and a bias, and the loss as a closure: torch's, with the bias under AdamW."""
    torch.manual_seed(0)
    weight, bias, x = torch.randn(10, 5, 2), torch.randn(10, 2), torch.randn(5)
    weight, bias = (nn.Parameter(t[..., 0].contiguous() if contiguous else t[..., 0]) for t in (weight, bias))
    optimizer = make([{"params": [weight]}, {"params": [bias], "algorithm": "adamw"}], **options)

    def closure():
        optimizer.zero_grad()
        loss = (weight.mv(x) + bias).pow(2).sum()
        loss.backward()
        return loss

    return optimizer, closure


def same(left, right):
    return all(torch.equal(p, q) for p, q in zip(tensors_of(left), tensors_of(right), strict=True))


def same_state(left, right):
    """Of two state_dicts."""
    tensors = (left["state"].keys() == right["state"].keys()) and all(
        torch.equal(tensor, right["state"][key][kind])
        for key, state in left["state"].items()
        for kind, tensor in state.items()
    )
    return tensors and left["param_groups"] == right["param_groups"]
