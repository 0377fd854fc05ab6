"""Misuse throws, names what was given and what is allowed, and changes nothing."""

import re

import pytest
import torch
import torch.distributed.tensor
from torch import distributed as dist
from torch import nn
from unchanged import everything, two_groups, unchanged

import fanion


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, r"lr = -0\.1 must be finite and not negative"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"lr": float("inf")}, "lr = inf"),
        ({"lr": torch.ones(2)}, r"lr must be a number, got a tensor of shape \(2,\)"),
        ({"lr": "0.1"}, "lr must be a number, got '0.1'"),
        ({"lr": True}, "lr must be a number, got True"),
        ({"weight_decay": -1}, "weight_decay = -1 must be finite and not negative"),
        ({"momentum": 1.0}, r"momentum = 1 must lie in \[0, 1\)"),
        ({"momentum": -0.5}, r"momentum = -0\.5 must lie in \[0, 1\)"),
        ({"nesterov": "no"}, "nesterov = 'no' must be True or False"),
        ({"adjust_lr_fn": "spectral"}, "adjust_lr_fn = 'spectral'; choose one of: original, match_rms_adamw, rms_to_"),
        ({"momentum_kind": "mean"}, "momentum_kind = 'mean'; choose one of: ema, sum"),
        ({"nonfinite": "warn"}, "nonfinite = 'warn'; choose one of: error, skip, ignore"),
        ({"adamw_lr": -1}, "lr = -1 must be finite"),
        ({"adamw_betas": (0.9, 1.0)}, r"beta2 = 1 must lie in \[0, 1\)"),
        ({"adamw_betas": 0.9}, "betas = 0.9 must be two numbers"),
        ({"adamw_eps": float("nan")}, "eps = nan"),
        ({"adamw_weight_decay": -1}, "weight_decay = -1 "),
    ],
)
def test_step_options(make, parameters, options, message):
    with pytest.raises(ValueError, match=message):
        make(parameters((6, 8)), **options)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (fanion.Muon, {"ns_steps": 0}, "ns_steps = 0 must lie in 1 to 99"),
        (fanion.Muon, {"ns_steps": 100}, "ns_steps = 100 must lie in 1 to 99"),
        (fanion.Muon, {"ns_steps": 2.5}, "ns_steps must be an integer, got '2.5'"),
        (fanion.Muon, {"ns_coefficients": (1.0, 2.0)}, "ns_coefficients needs triples a/b/c, got '1.0/2.0'"),
        (fanion.Muon, {"ns_coefficients": [(1, 0, 0)] * 3}, "3 coefficient triples for 5 steps"),
        (fanion.Muon, {"ns_coefficients": "best"}, "'best'; choose one of: quintic, cubic-damped"),
        (fanion.Muon, {"ns_dtype": "int8"}, "unknown dtype 'int8'; choose one of: float32, float64, bfloat16"),
        (fanion.Muon, {"eps": -1e-7}, "eps = -1e-07 must not be negative"),
        (fanion.FMuon, {"alpha": float("nan")}, "alpha must be a finite number, got 'nan'"),
        (
            fanion.Neon,
            {"svd": "fast"},
            f"unknown SVD method 'fast'; choose one of: {', '.join(fanion.linalg.SVD_METHODS)}",
        ),
        (fanion.Neon, {"passes": 0}, "passes = 0 must lie in 1 to"),
        (fanion.Neon, {"oversample": -1}, "oversample = -1 must lie in 0 to"),
        (fanion.Fanion, {"k": 0}, "k = 0 must be at least 1"),
        (fanion.Fanion, {"k": True}, "k must be an integer, got 'True'"),
        (fanion.Fanion, {"k": 7}, r"parameter 0 of group 0 \(shape \(6, 8\)\): k = 7 is out of range: .* 1 to 6"),
        (
            fanion.DFanion,
            {"k": 2, "residual": "soft"},
            "'soft'; choose one of: sign, row_norm, col_norm, frobenius, clip",
        ),
        (fanion.LmoOptimizer, {"rule": "muoon"}, r"'muoon' \(did you mean 'muon'\?\); choose one of: "),
    ],
)
def test_rule_options(parameters, build, options, message):
    with pytest.raises(ValueError, match=message):
        build(parameters((6, 8)), **options)


def test_k_is_required_and_options_are_known(parameters):
    with pytest.raises(ValueError, match="rule 'fanion' needs k or rank_fraction, for example 'fanion:k=4' or"):
        fanion.Fanion(parameters((6, 8)))
    with pytest.raises(TypeError, match="alpha"):
        fanion.Muon(parameters((6, 8)), alpha=0.3)


@pytest.mark.parametrize(
    ("build", "key", "hint"),
    [
        (fanion.Muon, "betas", "betas of the AdamW groups are adamw_betas"),
        (fanion.FNeon, "foreach", "leave it out"),
        (fanion.DFanion, "fused", "leave it out"),
        (fanion.LmoOptimizer, "maximize", "negate the loss"),
        (fanion.Neon, "momentun", "did you mean 'momentum'?"),
        (fanion.Muon, "adamw_beta", "did you mean 'adamw_betas'?"),
        (fanion.NSGD, "eps", "eps of the AdamW groups is adamw_eps"),
    ],
)
def test_unknown_arguments_name_the_class_and_what_it_takes(parameters, build, key, hint):
    options = {"k": 2} if build is fanion.DFanion else {}
    expected = f"{build.__name__} takes no argument '{key}' ({hint}"
    with pytest.raises(TypeError, match=re.escape(expected) + ".*it takes: params, .*adamw_weight_decay") as error:
        build(parameters((6, 8)), **options, **{key: 1})
    assert str(error.value).startswith(expected)
    with pytest.raises(TypeError, match=r"Muon takes no argument 'qwerty'; it takes: params, lr, .* ns_dtype, "):
        fanion.Muon(parameters((6, 8)), qwerty=1)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (fanion.Muon, {"k": 3}, "a group has k = 3, which Muon does not take; it takes: lr, weight_decay, .* ns_dtype"),
        (fanion.NSGD, {"betas": (0.9, 0.99)}, r"a group has betas = \(0\.9, 0\.99\), which NSGD does not take"),
        (
            fanion.Neon,
            {"rule": "muon"},
            "a group has rule = 'muon', which Neon does not take; it takes: .* svd, passes, oversample",
        ),
        (
            fanion.LmoOptimizer,
            {"svd": "dense"},
            "a group has svd = 'dense', which LmoOptimizer does not take; it takes: .* rule",
        ),
    ],
)
def test_options_of_another_class_are_no_groups(parameters, build, options, message):
    with pytest.raises(ValueError, match=message):
        build([{"params": parameters((6, 8)), **options}])
    build([{"params": parameters((6, 8)), "mine": 3}])


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (torch.zeros(5), r"shape \(5,\).* at least 2 dimensions.*fanion\.param_groups"),
        (torch.zeros(()), r"shape \(\)"),
        (torch.zeros(3, 3, dtype=torch.complex64), "torch.complex64; the steps take torch.float32"),
        (torch.zeros(3, 3).to_sparse(), "torch.sparse_coo"),
    ],
)
def test_parameters(make, parameter, message):
    with pytest.raises(ValueError, match=message):
        make([nn.Parameter(torch.ones(4, 4)), nn.Parameter(parameter)])
    with pytest.raises(ValueError, match=f"parameter 'body.w'.*{message}"):
        make([("body.w", nn.Parameter(parameter))])


def test_lazy_parameter(make):
    with pytest.raises(ValueError, match="not initialised"):
        make([nn.parameter.UninitializedParameter()])


def test_parameter_with_sums_to_come(make):
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = dist.tensor.init_device_mesh("cpu", (1,))
        parameter = nn.Parameter(dist.tensor.DTensor.from_local(torch.zeros(4, 6), mesh, [dist.tensor.Partial()]))
        for algorithm in ("lmo", "adamw"):
            with pytest.raises(ValueError, match=r"parameter 'w' is a DTensor placed as P.*; the steps take Shard and"):
                make([{"params": [("w", parameter)], "algorithm": algorithm}])
    finally:
        dist.destroy_process_group()


def test_refused_group_is_not_added(make, parameters):
    optimizer = make(parameters((6, 8)))
    for group in (
        {"params": parameters((5,), seed=2)},
        {"params": parameters((5, 4), seed=2), "lr": -1.0},
        {"params": parameters((5, 4), seed=2), "algorithm": "sgd"},
    ):
        with pytest.raises(ValueError, match=r"shape \(5,\)|lr = -1 |algorithm = 'sgd'; choose one of: lmo, adamw"):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
    assert len(optimizer.state) == 1
    optimizer.step()


def test_group_dicts_are_not_changed(make, parameters):
    group = {"params": parameters((6, 8))}
    make([group], lr=0.5)
    assert set(group) == {"params"}


def test_options_changed_later_are_checked_before_anything_changes(make, parameters):
    optimizer = make(two_groups(parameters))
    optimizer.param_groups[1]["betas"] = (0.9, 2.0)
    before = everything(optimizer)
    with pytest.raises(ValueError, match="beta2 = 2"):
        optimizer.step()
    assert unchanged(optimizer, before)


def test_sparse_gradient(make, parameters):
    optimizer = make(two_groups(parameters))
    p = optimizer.param_groups[0]["params"][1]
    p.grad = p.grad.to_sparse()
    before = everything(optimizer)
    with pytest.raises(ValueError, match="parameter 'b' has a sparse gradient"):
        optimizer.step()
    assert unchanged(optimizer, before)


def test_checkpoint_of_something_else(parameters):
    def neon(*shapes):
        return fanion.Neon(parameters(*shapes))

    optimizer = neon((6, 8))
    before = everything(optimizer)
    theirs = torch.optim.Muon(parameters((6, 8)))
    theirs.step()
    broken = neon((6, 8)).state_dict()
    broken["state"][0]["exp_avg"] = torch.zeros(6, 8)
    adamw = fanion.Neon([{"params": parameters((6, 8)), "algorithm": "adamw"}])
    for saved, message in [
        (theirs.state_dict(), "group 0 of the checkpoint has no option 'algorithm'; it was not saved by Neon"),
        (neon((6, 9)).state_dict(), r"parameter 0 .*momentum_buffer has shape \(6, 9\) .* needed is \(6, 8\)"),
        (
            broken,
            r"has the state \['exp_avg', 'momentum_buffer', 'warm_start'\], needed is \['momentum_buffer', 'warm_",
        ),
        (adamw.state_dict(), "group 0 of the checkpoint has algorithm='adamw', the optimizer's 'lmo'"),
        (fanion.Muon(parameters((6, 8))).state_dict(), "no option 'svd'"),
        (neon((6, 8), (6, 8)).state_dict(), "doesn't match the size"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(saved)
    assert unchanged(optimizer, before)
    optimizer.step()
