"""Packed parameters and stacks of experts spread over processes, against the same ones in one process."""

import torch
from processes import results_of
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

import fanion

# Shape, what the group says, and how two processes share it.
HELD = [
    ((20, 6), {"split_sizes": (8, 8, 4)}, 0),
    ((6, 20), {"split_sizes": (8, 8, 4), "transposed": True}, 1),
    ((16, 7), {"num_heads": 4}, 0),
    ((24, 6), {"split_sizes": (4, 2, 2), "interleaved": True}, 0),
    ((20, 6), {"split_sizes": (8, 8, 4)}, 1),
    ((3, 6, 5), {"flatten": False}, 0),
    ((2, 5, 12), {"flatten": False, "transposed": True, "split_sizes": (1, 1), "interleaved": True}, 2),
]
RULES = {
    "muon": lambda groups, **given: fanion.Muon(groups, lr=0.1, polar="exact", **given),
    "f-fanion": lambda groups, **given: fanion.FFanion(groups, lr=0.1, k=2, **given),
}
OPTIONS = [{"adapt": "neuron", "normalize_weights": True}, {"momentum_dtype": "bfloat16"}]


def stepped(_rank, is_spread):
    """Parameters and state, whole, after three steps under every rule and option."""
    found = {}
    for rule, make in RULES.items():
        for j, given in enumerate(OPTIONS if rule == "f-fanion" else OPTIONS[:1]):
            generator = torch.Generator().manual_seed(3)
            params, groups = [], []
            for shape, held, dimension in HELD:
                W = torch.randn(shape, generator=generator, dtype=torch.float64)
                if is_spread:
                    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
                    W = distribute_tensor(W, mesh, [Shard(dimension)], src_data_rank=None)
                params.append(nn.Parameter(W))
                groups.append({"params": [params[-1]], **held})
            optimizer = make(groups, **given)
            for _ in range(3):
                for p in params:
                    g = torch.randn(p.shape, generator=generator, dtype=torch.float64)
                    p.grad = distribute_tensor(g, p.device_mesh, p.placements, src_data_rank=None) if is_spread else g
                optimizer.step()
            tensors = [p.detach() for p in params]
            for p in params:  # signs of warm starts are nobody's
                tensors += [t.abs() if kind == "warm_start" else t for kind, t in optimizer.state[p].items()]
            found[rule, j] = [t.full_tensor() if isinstance(t, DTensor) else t.clone() for t in tensors]
            optimizer.load_state_dict(optimizer.state_dict())
            optimizer.step()
    return found


def test_steps_are_those_of_one_process():
    expected = stepped(0, False)
    for found in results_of(2, stepped, True):
        for key, tensors in expected.items():
            for t, of_one in zip(found[key], tensors, strict=True):
                if key[1] == 0:  # with bfloat16 the dice are those of a block's entries
                    torch.testing.assert_close(t, of_one, rtol=1e-8, atol=1e-8)
                else:
                    assert t.shape == of_one.shape and t.isfinite().all()
