"""State that is loaded, cast with its model, or missing."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.distributed.checkpoint import state_dict as distributed

import fanion


def named_parameters(order, seed=3):
    """Matrices of one shape and vectors, so that places alone would fit."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"a.weight": (6, 8), "b.weight": (6, 8), "c.weight": (6, 8), "a.bias": (5,), "b.bias": (5,)}
    made = {name: nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in shapes.items()}
    return [(name, made[name]) for name in order]


def groups_of(order, **names):
    params = named_parameters(order)
    return [
        {"params": [(names.get(n, n), p) for n, p in params if p.ndim == 2]},
        {"params": [(names.get(n, n), p) for n, p in params if p.ndim == 1], "algorithm": "adamw"},
    ]


ORDER = ["a.weight", "b.weight", "c.weight", "a.bias", "b.bias"]
OTHER = ["c.weight", "a.weight", "b.weight", "b.bias", "a.bias"]


def step(optimizer, seed):
    for group in optimizer.param_groups:
        for name, p in zip(group["param_names"], group["params"], strict=True):
            generator = torch.Generator().manual_seed(seed + sum(map(ord, name[-8:])))
            p.grad = torch.randn(p.shape, generator=generator)
    optimizer.step()


def by_name(optimizer):
    return {
        name: (p.detach(), optimizer.state[p])
        for group in optimizer.param_groups
        for name, p in zip(group["param_names"], group["params"], strict=True)
    }


def assert_same(left, right):
    for name, (p, state) in by_name(left).items():
        q, other = by_name(right)[name]
        assert torch.equal(p, q), name
        for kind, tensor in state.items():
            assert torch.equal(tensor, other[kind]), (name, kind)


@pytest.mark.parametrize("order", [ORDER, OTHER])
def test_parameters_given_by_name_get_their_own_state_in_any_order(make, order):
    one, two = make(groups_of(ORDER), lr=0.1), make(groups_of(order), lr=0.1)
    step(one, 10)
    with torch.no_grad():
        for name, (p, _) in by_name(two).items():
            p.copy_(by_name(one)[name][0])
    two.load_state_dict(one.state_dict())
    assert_same(one, two)
    assert [name for group in two.param_groups for name in group["param_names"]] == order
    step(one, 20)
    step(two, 20)
    assert_same(one, two)


def test_names_that_all_differ_go_by_place(make):
    one, two = make(groups_of(ORDER)), make(groups_of(ORDER, **{n: f"module.{n}" for n in ORDER}))
    step(one, 10)
    two.load_state_dict(one.state_dict())
    for name, (_, state) in by_name(one).items():
        for kind, tensor in state.items():
            assert torch.equal(tensor, by_name(two)[f"module.{name}"][1][kind])


def test_names_that_contradict_each_other_are_refused(make):
    one = make(groups_of(ORDER))
    step(one, 10)
    two = make(groups_of(OTHER, **{"a.weight": "stem.weight"}))
    before = copy.deepcopy(by_name(two))
    with pytest.raises(
        ValueError, match=r"'c\.weight' stands elsewhere .* 'a\.weight'; .* delete these to go by place"
    ):
        two.load_state_dict(one.state_dict())
    for name, (_, state) in by_name(two).items():
        assert all(torch.equal(state[kind], before[name][1][kind]) for kind in state)
    renamed = make(groups_of(ORDER, **{"b.weight": "stem.weight"}))  # the others stand where they stood
    renamed.load_state_dict(one.state_dict())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("algorithm", ["lmo", "adamw"])
def test_a_cast_model_trains_or_is_refused_by_name_before_anything_changes(make, dtype, algorithm):
    model = nn.Sequential(nn.Linear(8, 6, bias=False), nn.Linear(6, 4, bias=False))
    names = dict(model.named_parameters())
    first, second = list(names.items())
    optimizer = make([{"params": [first]}, {"params": [second], "algorithm": algorithm}], lr=0.1)
    model.to(dtype)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    before = copy.deepcopy([(p, optimizer.state[p]) for p in model.parameters()])
    if dtype == torch.float64 or algorithm == "adamw":
        named = "0.weight" if dtype == torch.float64 else "1.weight"
        with pytest.raises(ValueError, match=rf"parameter '{named}': its .* needed is .*load_state_dict\(state_dict"):
            optimizer.step()
        for p, (q, state) in zip(model.parameters(), before, strict=True):
            assert torch.equal(p, q)
            assert all(torch.equal(optimizer.state[p][kind], state[kind]) for kind in state)
        optimizer.load_state_dict(optimizer.state_dict())  # what the message says
    optimizer.step()
    for p, (q, _) in zip(model.parameters(), before, strict=True):
        assert p.dtype == dtype
        assert not torch.equal(p, q)


def test_state_that_is_missing_is_made_fresh_and_said(make):
    one, two = make(groups_of(ORDER)), make(groups_of(ORDER))
    step(one, 10)
    step(two, 30)
    saved = one.state_dict()
    kind = next(iter(saved["state"][0]))
    del saved["state"][1][kind], saved["state"][4]
    with pytest.warns(UserWarning, match=f"parameter '(b.weight|b.bias)': the checkpoint has no .*{kind}|exp_avg"):
        two.load_state_dict(saved)
    fresh = make(groups_of(ORDER))
    for name, missing in (("b.weight", [kind]), ("b.bias", ["exp_avg", "exp_avg_sq", "step"])):
        for each in missing:
            assert torch.equal(by_name(two)[name][1][each], by_name(fresh)[name][1][each])
    assert torch.equal(by_name(two)["c.weight"][1][kind], by_name(one)["c.weight"][1][kind])


def test_options_that_an_older_version_did_not_have_keep_their_defaults(make):
    one, two = make(groups_of(ORDER), lr=0.3), make(groups_of(ORDER), lr=0.1, nesterov=False)
    saved = one.state_dict()
    for name in ("nesterov", "transposed"):
        del saved["param_groups"][0][name]
    two.load_state_dict(saved)
    assert two.param_groups[0]["lr"] == 0.3
    assert two.param_groups[0]["nesterov"] is True
    assert two.param_groups[0]["transposed"] is False
    step(two, 10)


@pytest.mark.parametrize("frozen", [(), ("0.weight",), ("0.bias", "1.weight")])
def test_distributed_checkpoints_of_models_with_frozen_parameters(make, frozen):
    def build():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 7))
        groups = [
            {"params": [(n, p) for n, p in model.named_parameters() if p.ndim == 2]},
            {"params": [(n, p) for n, p in model.named_parameters() if p.ndim == 1], "algorithm": "adamw"},
        ]
        return model, make(groups, lr=0.1)

    def train(model, optimizer):
        optimizer.zero_grad()
        model(torch.ones(3, 8)).square().sum().backward()
        optimizer.step()

    model, optimizer = build()
    train(model, optimizer)
    for name, p in model.named_parameters():
        p.requires_grad_(name not in frozen)
    weights, saved = distributed.get_state_dict(model, optimizer)
    again, resumed = build()
    for name, p in again.named_parameters():
        p.requires_grad_(name not in frozen)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*made fresh")
        distributed.set_state_dict(again, resumed, model_state_dict=weights, optim_state_dict=saved)
    for (name, p), q in zip(model.named_parameters(), again.parameters(), strict=True):
        if name not in frozen:
            assert all(torch.equal(t, resumed.state[q][kind]) for kind, t in optimizer.state[p].items())
    train(model, optimizer)
    train(again, resumed)
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 0, 2, 2)])
def test_parameters_without_entries(make, shape):
    empty, full = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.ones(6, 8))
    vector = nn.Parameter(torch.zeros(0))
    optimizer = make([{"params": [empty, full]}, {"params": [vector], "algorithm": "adamw"}])
    for p in (empty, full, vector):
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert not torch.equal(full, torch.ones(6, 8))
    optimizer.load_state_dict(optimizer.state_dict())
    groups = fanion.param_groups(nn.Sequential(nn.Linear(0, 6), nn.Linear(6, 8)), verbose=False, head=None)
    make(groups)


def test_nan_in_a_warm_start_is_named(parameters):
    a, b = parameters((6, 8), (9, 7))
    optimizer = fanion.Neon([("a", a), ("b", b)])
    optimizer.state[b]["warm_start"][2, 1] = float("nan")
    before = copy.deepcopy([a, b, optimizer.state[a]["momentum_buffer"]])
    with pytest.raises(ValueError, match="NaN or infinite entries in the warm_start of parameter 'b'"):
        optimizer.step()
    after = [a, b, optimizer.state[a]["momentum_buffer"]]
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


def test_spectral_unclamped_is_torchs_name_for_rms_to_rms(make, parameters):
    stepped = []
    for name in ("spectral_unclamped", "rms_to_rms"):
        params = parameters((12, 20), (20, 12))
        make(params, lr=0.1, adjust_lr_fn=name).step()
        stepped.append(params)
    assert all(torch.equal(p, q) for p, q in zip(*stepped, strict=True))


@pytest.mark.parametrize(
    "laid_out", [lambda x: x.t().contiguous().t(), lambda x: torch.zeros(*x.shape, 2)[..., 0].copy_(x)]
)
def test_adamw_steps_entries_that_lie_elsewhere_in_memory(parameters, laid_out):
    """Torch's fused kernel, which we call, pairs entries by their place in memory."""
    plain, other = parameters((12, 20)), parameters((12, 20))
    strided = [nn.Parameter(laid_out(p.detach())) for p in other]
    strided[0].grad = other[0].grad
    for params in (plain, strided):
        optimizer = fanion.Muon([{"params": params, "algorithm": "adamw", "lr": 0.1}])
        optimizer.step()
        optimizer.step()
    assert torch.equal(plain[0].detach(), strided[0].detach())
