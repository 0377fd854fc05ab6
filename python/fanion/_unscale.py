"""Gradients that torch.amp.GradScaler has scaled up."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor


def unscale_(grads: Sequence[Tensor], scale: Tensor) -> None:
    """Divides the gradients by GradScaler's scale, in place, as its `unscale_` and torch's fused optimizers do."""
    by_device = defaultdict(list)
    for grad in grads:
        by_device[grad.device].append(grad)
    inverse = scale.double().reciprocal().float().squeeze()
    for device, own in by_device.items():
        torch._foreach_mul_(own, inverse.to(device, non_blocking=True))
