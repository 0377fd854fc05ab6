"""What goes wrong on one process is said on all of them, and nothing has changed."""

import os
import time
from datetime import timedelta

import pytest
import torch
from processes import in_processes, results_of
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

import fanion


def parameters(shapes=((8, 6), (6, 4)), mesh=None):
    mesh = init_device_mesh("cpu", (2,)) if mesh is None else mesh
    made = {}
    for i, shape in enumerate(shapes):
        made[f"w{i}"] = nn.Parameter(distribute_tensor(torch.ones(shape), mesh, [Shard(0)], src_data_rank=None))
        made[f"w{i}"].grad = distribute_tensor(torch.randn(shape), mesh, [Shard(0)], src_data_rank=None)
    return made


def complaint(optimizer, params):
    """The error of a step, after which all is as it was."""
    before = [p.to_local().clone() for p in params.values()]
    try:
        optimizer.step()
    except ValueError as error:
        assert all(torch.equal(p.to_local(), b) for p, b in zip(params.values(), before, strict=True))
        return str(error)
    return "none"


def differing_rates(rank):
    params = parameters()
    return complaint(fanion.Neon(list(params.items()), lr=0.1 * (1 + rank)), params)


def differing_rules(rank):
    params = parameters()
    return complaint(fanion.Fanion(list(params.items()), k=1 + rank), params)


def differing_shapes(rank):
    params = parameters(((8, 6), (6, 4 + rank)))
    return complaint(fanion.NSGD(list(params.items())), params)


def differing_names(rank):
    params = parameters()
    return complaint(fanion.NSGD([(f"{name}.{rank}", p) for name, p in params.items()]), params)


def gradient_of_one(rank):
    params = parameters()
    if rank == 1:
        params["w1"].grad = None
    return complaint(fanion.Muon(list(params.items())), params)


@pytest.mark.parametrize(
    ("f", "name", "facts"),
    [
        (differing_rates, "w0", ("lr=0.1", "lr=0.2")),
        (differing_rules, "w0", ("k=1", "k=2")),
        (differing_shapes, "w1", ("[6, 4]", "[6, 5]")),
        (differing_names, "w0.0", ("w0.1",)),
        (gradient_of_one, "w1", ("with a gradient", "without a gradient")),
    ],
)
def test_differences_are_named(f, name, facts):
    for found in results_of(2, f):
        assert "the processes do not step the same parameters in the same way" in found
        assert name in found
        assert all(fact in found for fact in facts), found


def nan_on_one(rank, policy, algorithm):
    params = parameters()
    optimizer = fanion.Muon([{"params": list(params.items()), "algorithm": algorithm, "nonfinite": policy}])
    if rank == 1:
        params["w1"].grad.to_local()[0, 0] = torch.nan
    if policy == "error":
        return complaint(optimizer, params)
    optimizer.step()
    changed = {name: not torch.equal(p.to_local(), torch.ones_like(p.to_local())) for name, p in params.items()}
    return optimizer.skipped, changed


@pytest.mark.parametrize("algorithm", ["lmo", "adamw"])
def test_nan_in_one_block_counts_for_all(algorithm):
    for found in results_of(2, nan_on_one, "error", algorithm):
        assert "NaN or infinite entries in the gradient of parameter 'w1'; nothing was changed" in found
    for found in results_of(2, nan_on_one, "skip", algorithm):
        assert found == (1, {"w0": True, "w1": False})


def refusing(rank):
    params = parameters()
    optimizer = fanion.Neon(list(params.items()))
    if rank == 1:
        optimizer.param_groups[0]["lr"] = -1.0
    return complaint(optimizer, params)


def test_refusal_of_one_is_heard_by_all():
    first, second = results_of(2, refusing)
    assert "another process has refused this step" in first
    assert "lr = -1" in second


def hanging(rank):
    group = dist.new_group(timeout=timedelta(seconds=2))
    params = parameters(mesh=DeviceMesh.from_group(group, "cpu"))
    optimizer = fanion.Neon(list(params.items()))
    optimizer.step()
    if rank == 1:
        return time.sleep(5)
    return optimizer.step()


def test_a_process_that_hangs_is_an_error_on_the_others_after_the_time_limit():
    first, second = in_processes(2, hanging)
    assert second is None
    assert "another process has ended, hangs, or makes other calls" in str(first)
    assert "2000ms" in str(first)


def dying(rank):
    params = parameters()
    optimizer = fanion.Neon(list(params.items()))
    optimizer.step()
    if rank == 1:
        os._exit(1)
    optimizer.step()


def test_a_process_that_dies_is_an_error_on_the_others():
    first, second = in_processes(2, dying)
    assert isinstance(second, EOFError)
    assert isinstance(first, RuntimeError)
    assert "onnection" in str(first)  # gloo: Connection closed by peer
