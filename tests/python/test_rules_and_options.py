"""Every class with every option of the step, beside a step written out in float64 around the rule's direction.

The directions themselves are held against their formulas in test_presets.py, and COSMOS and Dion, whose directions are
taken from more than M, in files of their own.
"""

import inspect
import math

import pytest
import torch

import fanion

LR, MU, DECAY = 0.05, 0.8, 0.3
# Names as in docs/optimizers.md.
VARIANTS = {
    "nesterov, momentum_kind": [
        {"nesterov": nesterov, "momentum_kind": kind} for nesterov in (True, False) for kind in ("ema", "sum")
    ],
    "adjust_lr_fn": [{"adjust_lr_fn": how} for how in ("original", "rms_to_rms", "spectral_unclamped", "none")],
    "weight_decay_method": [{"weight_decay_method": how} for how in ("decoupled", "cautious", "independent")],
    "adapt": [{"adapt": "neuron", "adapt_beta": 0.5}, {"adapt": "element", "adapt_beta": 0.5}],
    "normalize_weights": [{"normalize_weights": True}],
    "transposed": [{"transposed": True}],
    "all of them": [
        {"nesterov": False, "adjust_lr_fn": "rms_to_rms", "weight_decay_method": "cautious", "adapt": "element"}
        | {"normalize_weights": True, "transposed": True}
    ],
}


def decayed(W, D, method):
    if method == "cautious":
        return torch.where(W * D > 0, W, (1 - LR * DECAY) * W)  # D leads away from zero: no decay
    return (1 - (DECAY if method == "independent" else LR * DECAY)) * W


def plain_steps(rule, W, gradients, options):
    """W after a step for each gradient, both m × n."""
    nesterov, ema = options["nesterov"], options["momentum_kind"] == "ema"
    m, n = W.shape
    factors = {"original": math.sqrt(max(1, m / n)), "none": 1.0}
    B, v = torch.zeros_like(W), 0.0
    for g in gradients:
        g = (1 - MU) * g if ema else g
        B = MU * B + g
        D = rule.direction(g + MU * B if nesterov else B).dense()
        if options["adapt"] != "none":
            squares = D.square() if options["adapt"] == "element" else D.square().mean(1, keepdim=True)
            v = options["adapt_beta"] * v + (1 - options["adapt_beta"]) * squares
            hat = D / (v.sqrt() + 1e-8)
            D = hat * D.norm() / hat.norm()
        step = LR * factors.get(options["adjust_lr_fn"], math.sqrt(m / n)) * D
        W = decayed(W, D, options["weight_decay_method"]) + step
        if options["normalize_weights"]:
            W = W * math.sqrt(m) / W.norm()
    return W


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_class_takes_the_step_by_hand(make, variant):
    kind = getattr(make, "func", make)
    if kind in (fanion.Dion, fanion.Cosmos):
        pytest.skip("test_dion.py, test_cosmos.py")
    exact = {"svd": "dense"} if "svd" in inspect.signature(kind).parameters else {}
    if kind is fanion.LmoOptimizer:
        exact = {"rule": "0.3*neon:svd=dense + 0.7*max_entry"}
    for changed in VARIANTS[variant]:
        for shape in [(7, 5), (5, 8)]:
            generator = torch.Generator().manual_seed(17)
            W, *gradients = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(4))
            stored = (lambda X: X.mT.contiguous()) if changed.get("transposed") else torch.clone
            p = torch.nn.Parameter(stored(W))
            optimizer = make([p], **{"lr": LR, "momentum": MU, "weight_decay": DECAY} | exact | changed)
            group = optimizer.param_groups[0]
            rule = fanion.norms.rule_from_name(optimizer.rule_of(group))
            for g in gradients:
                p.grad = stored(g)
                optimizer.step()
            expected = plain_steps(rule, W, gradients, group | {"adjust_lr_fn": group["adjust_lr_fn"] or "original"})
            torch.testing.assert_close(p.detach(), stored(expected), rtol=0, atol=1e-9, msg=f"{changed} {shape}")
