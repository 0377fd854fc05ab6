"""The formulas of traffic, against what steps put into collectives."""

import math
from pathlib import Path

import pytest
import torch
from processes import results_of
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

import fanion
from fanion import scaling

SHAPES = [(16, 6), (16, 6), (12, 8), (8, 12)]
KINDS = {
    "signum": fanion.Signum,
    "nsgd": fanion.NSGD,
    "muon": fanion.Muon,
    "dion": fanion.Dion,
    "neon": fanion.Neon,
    "f-neon": fanion.FNeon,
    "fanion": fanion.Fanion,
    "f-fanion": fanion.FFanion,
    "d-fanion": fanion.DFanion,
}
AVERAGING = {"neon": {}, "fanion": {"k": 2}, "dion": {"k": 2}}
SIZES = {"float": 4, "double": 8, "long": 8, "long int": 8, "int": 4, "unsigned char": 1}


def collectives_of(step):
    """(kind, bytes) of each collective that a step calls, as the profiler sees them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
        step()
    return [
        (name, math.prod(event.shapes()[0]) * SIZES[event.dtypes()[0]])
        for event in profile.profiler.kineto_results.events()
        for name in ("all_reduce", "all_to_all")
        if event.name().startswith(f"_c10d_functional::{name}")
    ]


def bytes_of(step):
    """Bytes that a step puts into collectives of either kind."""
    found = collectives_of(step)
    return {kind: sum(size for name, size in found if name == kind) for kind in ("all_reduce", "all_to_all")}


def with_gradients(rule, shapes, mesh):
    """An optimizer of matrices whose rows are split."""
    place = lambda t: distribute_tensor(t, mesh, [Shard(0)], src_data_rank=None)  # noqa: E731
    params = [nn.Parameter(place(torch.randn(shape))) for shape in shapes]
    for p in params:
        p.grad = place(torch.randn(p.shape))
    return KINDS[rule](params, **({"k": 2} if rule in ("dion", "fanion", "f-fanion", "d-fanion") else {}))


def counted(_rank, processes):
    """`bytes_of` one step of each rule."""
    mesh = init_device_mesh("cpu", (processes,))
    return {rule: bytes_of(with_gradients(rule, SHAPES, mesh).step) for rule in KINDS}


def calls(_rank):
    """Number of collectives of a step of each rule, of matrices of one shape and of several."""
    mesh, of_either = init_device_mesh("cpu", (2,)), ([(16, 6)], [(16, 6), (16, 6), (20, 8), (12, 11)])
    return {rule: [len(collectives_of(with_gradients(rule, s, mesh).step)) for s in of_either] for rule in KINDS}


def test_matrices_of_all_shapes_share_their_collectives():
    for of_rank in results_of(2, calls):
        assert of_rank["neon"][0] > 2
        for rule, (one, several) in of_rank.items():
            assert one == several or rule == "muon", rule


def averaged(_rank):
    """The same of plain parameters whose gradients steps average, and of a vector under AdamW."""
    found = {}
    for rule, options in AVERAGING.items():
        params = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
        vector = nn.Parameter(torch.randn(5))
        for p in (*params, vector):
            p.grad = torch.randn(p.shape)
        optimizer = KINDS[rule]([{"params": params}, {"params": [vector], "algorithm": "adamw"}], **options)
        optimizer.average_gradients()
        found[rule] = bytes_of(optimizer.step)
    return found


def test_averaging_products_sends_what_the_formula_says():
    for of_rank in results_of(2, averaged):
        for rule, options in AVERAGING.items():
            matrices = [scaling.averaging(rule, m, n, options.get("k", 1)) for m, n in SHAPES]
            expected = sum(matrices, scaling.step(rule, [], 2) + scaling.averaging("adamw", 5, 1))
            assert of_rank[rule] == {"all_reduce": expected.all_reduce, "all_to_all": 0}, rule


@pytest.mark.parametrize("processes", [2, 4])
def test_counted_bytes_are_those_of_the_formula(processes):
    found = results_of(processes, counted, processes)
    for rule in KINDS:
        expected = scaling.step(rule, SHAPES, processes, k=2)
        for kind in ("all_reduce", "all_to_all"):
            mean = sum(of_rank[rule][kind] for of_rank in found) / processes
            assert mean == getattr(expected, kind), (rule, kind)


@pytest.mark.parametrize("rule", ["neon", "fanion", "f-fanion", "d-fanion", "dion"])
def test_low_rank_rules_send_less_than_a_twentieth_of_what_gathering_does(rule):
    model = next(model for model in scaling.MODELS if model.name == "7B")
    assert scaling.step(rule, model.shapes, 64, k=8).sent(64) < 0.05 * scaling.gathered(model.shapes, 64)


@pytest.mark.parametrize(("name", "billions"), [("124M", 0.124), ("7B", 6.74), ("70B", 70.6), ("400B", 405.9)])
def test_models_have_as_many_parameters_as_they_are_called(name, billions):
    model = next(model for model in scaling.MODELS if model.name == name)
    assert model.parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_a_rule_without_a_formula_is_refused():
    with pytest.raises(ValueError, match="'schatten' has no formula"):
        scaling.step("schatten", SHAPES, 2)


def test_the_page_has_the_table():
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    assert scaling.table() in page
