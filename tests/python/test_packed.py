"""Parameters that hold several matrices, against a parameter for each of them."""

import copy
from itertools import product

import pytest
import torch
from conftest import OPTIMIZERS
from torch import nn

import fanion

# Shape, what the group says, and the plain matrices, out × in, by slices.
HELD = {
    "qkv": ((20, 6), {"split_sizes": (8, 8, 4)}, lambda W: W.split((8, 8, 4))),
    "qkv in x out": (
        (6, 20),
        {"split_sizes": [8, 8, 4], "transposed": True},
        lambda W: [part.T for part in W.split((8, 8, 4), 1)],
    ),
    "heads": ((18, 7), {"num_heads": 3}, lambda W: W.chunk(3)),
    "convolutions": ((8, 3, 2, 2), {"num_heads": 2}, lambda W: W.chunk(2)),
    "experts": ((3, 5, 6), {"flatten": False}, lambda W: W.unbind()),
    "gate and up of experts": (
        (2, 12, 5),
        {"flatten": False, "split_sizes": (6, 6)},
        lambda W: [part for expert in W for part in expert.chunk(2)],
    ),
    "gpt-oss's": (
        (2, 5, 12),
        {"flatten": False, "transposed": True, "split_sizes": (1, 1), "interleaved": True},
        lambda W: [part for expert in W for part in (expert.T[0::2], expert.T[1::2])],
    ),
    "query groups": (
        (24, 6),
        {"split_sizes": (4, 2, 2), "interleaved": True},
        lambda W: [W.view(3, 8, 6)[:, part].reshape(-1, 6) for part in (slice(4), slice(4, 6), slice(6, 8))],
    ),
}
OPTIONS = [
    {},
    {"adapt": "neuron", "normalize_weights": True, "adjust_lr_fn": "rms_to_rms"},
    {"adapt": "element", "weight_decay_method": "cautious", "adjust_lr_fn": "match_rms_adamw"},
    {"momentum_dtype": "bfloat16", "momentum_kind": "sum", "nesterov": False},
]
FEEDBACK = [{"error_feedback": True}, {"error_feedback": True, "momentum_dtype": "bfloat16"}]
HAVE_FEEDBACK = ("Neon", "FFanion", "DFanion", "Dion")


def gradients(shape, steps=3, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(steps)]


def start(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def stepped(optimizer, params, grads):
    for of_step in grads:
        for p, g in zip(params, of_step, strict=True):
            p.grad = g.clone()
        optimizer.step()
    optimizer.check()


def one_by_one(make, shape, held, plain, options):
    """The optimizer of separate matrices, in × out where these are, after the steps; and the matrices, out × in."""
    in_first = held.get("transposed", False)

    def apart(W):
        return [(part.T if in_first else part).clone(memory_format=torch.contiguous_format) for part in plain(W)]

    params = [nn.Parameter(part) for part in apart(start(shape))]
    optimizer = make([{"params": params, "transposed": in_first}], lr=0.1, **options)
    stepped(optimizer, params, [apart(g) for g in gradients(shape)])
    return optimizer, [p.detach().T if in_first else p.detach() for p in params]


def together(make, shape, held, options):
    W = nn.Parameter(start(shape))
    optimizer = make([{"params": [("w", W)], **held}], lr=0.1, **options)
    stepped(optimizer, [W], [[g] for g in gradients(shape)])
    return optimizer, W


@pytest.mark.parametrize("everywhere", [False, True], ids=["", "stacks"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_matrix_is_stepped_as_if_alone(name, everywhere, monkeypatch):
    monkeypatch.setattr(fanion.LmoOptimizer, "_stacks_everywhere", everywhere)
    options = OPTIONS + (FEEDBACK if name in HAVE_FEEDBACK else [])
    pairs = list(product(HELD.values(), options))
    if name != "FFanion" or everywhere:  # every option and every way of holding is seen, for one rule together
        pairs = [pairs[(len(options) + 1) * i % len(pairs)] for i in range(max(len(HELD), len(options)))]
    for (shape, held, plain), given in pairs:
        _, expected = one_by_one(OPTIMIZERS[name], shape, held, plain, given)
        _, W = together(OPTIMIZERS[name], shape, held, given)
        for part, p in zip(plain(W.detach()), expected, strict=True):
            torch.testing.assert_close(part, p, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", HELD)
def test_diagnostics_are_those_of_each_matrix(name):
    shape, held, plain = HELD[name]
    alone = list(one_by_one(OPTIMIZERS["FFanion"], shape, held, plain, {})[0].diagnostics().values())
    found = together(OPTIMIZERS["FFanion"], shape, held, {})[0].diagnostics()
    fields = ("sigma_1", "stable_rank", "dual_norm", "update_over_weight", "effective_lr")
    for of_this, expected in zip(found.values(), alone, strict=True):
        for field in fields:
            assert getattr(of_this, field) == pytest.approx(getattr(expected, field), rel=1e-6), field
    assert next(iter(found)) == ("w[0][0]" if len(shape) == 3 and "split_sizes" in held else "w[0]")


@pytest.mark.parametrize("name", HELD)
def test_checkpoints_go_on(name):
    shape, held, _ = HELD[name]
    make, options = OPTIMIZERS["FFanion"], {"momentum_dtype": "bfloat16", "adapt": "neuron"}
    optimizer, W = together(make, shape, held, options)
    copied = nn.Parameter(W.detach().clone())
    other = make([{"params": [("w", copied)], **held}], lr=0.1, **options)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for o, p in ((optimizer, W), (other, copied)):
        stepped(o, [p], [gradients(shape, 1, seed=9)])
    assert torch.equal(W, copied)
    other.param_groups[0]["k"] = 2  # warm starts get as many columns as that needs
    stepped(other, [copied], [gradients(shape, 1, seed=10)])


def test_state_saved_without_the_split_keeps_its_meaning():
    """What an older version saved knows of no split, and comes back as one matrix."""
    shape, held, _ = HELD["qkv"]
    optimizer, W = together(OPTIMIZERS["FFanion"], shape, {}, {})
    saved = copy.deepcopy(optimizer.state_dict())
    for option in ("flatten", "split_sizes", "num_heads", "interleaved"):
        del saved["param_groups"][0][option]
    copied = nn.Parameter(W.detach().clone())
    other = OPTIMIZERS["FFanion"]([{"params": [("w", copied)], **held}], lr=0.1)
    other.load_state_dict(saved)
    assert other.param_groups[0]["split_sizes"] is None
    for o, p in ((optimizer, W), (other, copied)):
        stepped(o, [p], [gradients(shape, 1, seed=9)])
    assert torch.equal(W, copied)


def test_groups_of_older_checkpoints_are_those_without_the_split():
    model = nn.MultiheadAttention(8, 2)
    old, new = (fanion.Muon(fanion.param_groups(model, split=split, verbose=False)) for split in (False, True))
    with pytest.raises(ValueError, match=r"groups of \[2, 2\] parameters, the optimizer of \[1, 1, 2\], .*split=False"):
        new.load_state_dict(old.state_dict())


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((24, 8), {"split_sizes": (8, 8)}, r"8\+8 add up to 16, and the rows \(out\) .* \[24, 8\] are 24"),
        ((8, 24), {"split_sizes": (8, 8), "transposed": True}, r"8\+8 add up to 16, .* \[8, 24\] are 24"),
        ((24, 8), {"split_sizes": (8, 8), "interleaved": True}, r"are 24, no multiple of it"),
        ((24, 8), {"num_heads": 5}, r"num_heads = 5 does not divide the 24 rows \(out\) .* \[24, 8\]"),
        ((24, 8), {"num_heads": 0}, "num_heads = 0 must be at least 1"),
        ((24, 8), {"num_heads": 1.5}, "num_heads = 1.5 must be a whole number"),
        ((24, 8), {"num_heads": 3, "split_sizes": (8, 8, 8)}, r"num_heads = 3 and split_sizes = 8\+8\+8: give one"),
        ((24, 8), {"split_sizes": (24, 0)}, "split_sizes = 0 must be at least 1"),
        ((24, 8), {"split_sizes": 8}, "split_sizes = 8 must be None or a list of whole numbers"),
        ((24, 8), {"split_sizes": ()}, r"split_sizes = \(\) must be None or a list"),
        ((24, 8), {"interleaved": True}, "interleaved says how split_sizes go on, and there are none"),
        ((2, 24, 8), {"transposed": True}, r"in × out, and with flatten=False for stacks of them"),
        ((24,), {"flatten": False}, "at least 2 dimensions"),
    ],
)
def test_what_does_not_add_up_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        fanion.Muon([{"params": [nn.Parameter(torch.ones(shape))], **options}])


def test_errors_say_which_matrix(monkeypatch):
    W = nn.Parameter(torch.ones(8, 4))
    W.grad = torch.ones_like(W)
    optimizer = fanion.Muon([{"params": [("qkv", W)], "num_heads": 2}])
    optimizer.param_groups[0]["split_sizes"] = (4, 4)
    with pytest.raises(ValueError, match="num_heads = 2 and split_sizes"):
        optimizer.step()
    assert torch.equal(W, torch.ones(8, 4))
