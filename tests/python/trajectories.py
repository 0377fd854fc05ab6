"""Steps with random gradients, and whether two optimizers have come to the same."""

import torch


def step_with_random_gradients(optimizer, generator):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = torch.randn(p.shape, generator=generator).to(p.dtype)
    optimizer.step()


def tensors_of(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def assert_same(left, right):
    """Parameters and state agree bit for bit, in dtype too."""
    for p, q in zip(tensors_of(left), tensors_of(right), strict=True):
        assert torch.equal(p, q)
        assert left.state[p].keys() == right.state[q].keys()
        for kind, tensor in left.state[p].items():
            assert tensor.dtype == right.state[q][kind].dtype, kind
            assert torch.equal(tensor, right.state[q][kind]), kind


def mixed_groups(parameters, dtype):
    return [
        {"params": parameters((12, 20), (8, 3, 2, 2), dtype=dtype)},
        {"params": parameters((5,), (4, 6), dtype=dtype, seed=2), "algorithm": "adamw", "lr": 0.01},
    ]
