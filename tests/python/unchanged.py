"""Whether an optimizer is as it was: two groups to look at, what there is of them, and whether it has stayed."""

import copy

import torch


def two_groups(parameters, **options):
    return [
        {"params": [("a", parameters((6, 8))[0]), ("b", parameters((4, 5), seed=2)[0])]},
        {"params": [("c", parameters((3,), seed=3)[0])], "algorithm": "adamw", **options},
    ]


def everything(optimizer):
    return copy.deepcopy([(p, optimizer.state[p]) for group in optimizer.param_groups for p in group["params"]])


def unchanged(optimizer, before):
    return all(
        torch.equal(p, q) and all(torch.equal(s[kind], t[kind]) for kind in t)
        for (p, s), (q, t) in zip(everything(optimizer), before, strict=True)
    )
