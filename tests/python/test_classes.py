"""What the optimizers' classes declare: arguments, their order and defaults, and the rule that they make of them."""

import copy
import inspect
import pickle
from dataclasses import InitVar

import pytest
import torch

import fanion
from fanion._arguments import TripletOptimizer
from fanion._options import ADAMW_ARGUMENTS, ADAMW_OPTIONS, STEP_OPTIONS

CLASSES = {name: kind for name, kind in vars(fanion).items() if name in fanion.__all__ and isinstance(kind, type)}
CLASSES = {name: kind for name, kind in CLASSES.items() if issubclass(kind, fanion.LmoOptimizer)}
COMMON = ["lr", "weight_decay", "momentum", "nesterov"]


def arguments_of(kind):
    return inspect.signature(kind).parameters


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_signatures_name_every_argument(kind):
    arguments = arguments_of(kind)
    assert {p.kind for p in arguments.values()} <= {
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }
    assert set(STEP_OPTIONS) | set(ADAMW_ARGUMENTS) <= set(arguments)
    if kind is not fanion.LmoOptimizer:
        untyped = [name for name, p in arguments.items() if p.annotation is inspect.Parameter.empty]
        assert not untyped, "type checkers refuse these until fanion/_arguments.py has them"
    positional = [name for name, p in arguments.items() if p.kind == inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert [name for name in positional if name in ("params", *COMMON)] == ["params", *COMMON]
    assert inspect.signature(kind.__init__).parameters.keys() - {"self"} == arguments.keys()


def test_positional_arguments_are_torchs_muons():
    theirs = list(arguments_of(torch.optim.Muon))
    for kind in (fanion.Muon, fanion.FMuon, fanion.SMuon):
        positional = [n for n, p in arguments_of(kind).items() if p.kind == inspect.Parameter.POSITIONAL_OR_KEYWORD]
        assert positional == theirs
    for name in theirs[1:]:
        ours = arguments_of(fanion.Muon)[name].default
        assert ours == (0.0 if name == "eps" else arguments_of(torch.optim.Muon)[name].default), name
    assert list(arguments_of(fanion.Neon))[:6] == ["params", *COMMON, "adjust_lr_fn"]


@pytest.mark.parametrize("kind", [fanion.NSGD, fanion.Muon, fanion.Neon, fanion.DFanion, fanion.LmoOptimizer])
def test_defaults_are_the_tables(kind):
    for name, option in STEP_OPTIONS.items():
        assert arguments_of(kind)[name].default in (option.default, None), name
    for name in ("lr", "eps", "weight_decay"):
        assert arguments_of(kind)[f"adamw_{name}"].default == ADAMW_OPTIONS[name].default
    betas = tuple(ADAMW_OPTIONS[name].default for name in ("beta1", "beta2"))
    assert arguments_of(kind)["adamw_betas"].default == betas


def test_positions_and_keywords_reach_the_group(parameters):
    optimizer = fanion.FMuon(parameters((6, 8)), 0.1, 0.2, 0.3, False, (3.0, -3.0, 1.0), 1e-6, 4, "none", alpha=0.7)
    (group,) = optimizer.param_groups
    given = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.3, "nesterov": False, "ns_steps": 4, "eps": 1e-6}
    for name, value in {**given, "ns_coefficients": (3.0, -3.0, 1.0), "adjust_lr_fn": "none", "alpha": 0.7}.items():
        assert group[name] == value, name
    rule = "f-muon:alpha=0.7,ns_steps=4,ns_coefficients=3/-3/1,eps=1e-6"
    assert fanion.norms.rule_from_name(optimizer.rule_of(group)).name == fanion.norms.rule_from_name(rule).name
    with pytest.raises(TypeError, match="Neon: too many positional arguments"):
        fanion.Neon(parameters((6, 8)), 0.1, 0.2, 0.3, False, "none", "dense")
    with pytest.raises(ValueError, match="'f-fanion' needs k or rank_fraction"):
        fanion.FFanion(parameters((6, 8)))
    with pytest.raises(TypeError, match="Neon: missing a required argument: 'params'"):
        fanion.Neon()
    with pytest.raises(TypeError, match="Neon: multiple values for argument 'lr'"):
        fanion.Neon(parameters((6, 8)), 0.1, lr=0.2)


def test_arguments_are_no_attributes(parameters):
    optimizer = fanion.FFanion(parameters((6, 8)), k=2)
    for name in ("lr", "k", "alpha", "svd", "momentum_kind"):
        assert not hasattr(optimizer, name) and not hasattr(fanion.FFanion, name), name


class HalfNeon(TripletOptimizer, rule="f-neon"):
    """All that a new class is."""

    alpha: InitVar[float] = 0.25


class TamedNeon(HalfNeon):
    """Another default of its base's rule."""

    alpha: InitVar[float] = 0.75


class NamedMuon(fanion.Muon):
    """A user's class with its own arguments."""

    note: str = "mine"

    def __init__(self, params, name, **options):
        super().__init__(params, lr=0.25, **options)
        self.name = name


class QuietMuon(fanion.Muon):
    """A user's class that takes its base's."""

    calls: int = 0


def test_a_new_class_is_its_rule_and_its_keys(parameters):
    optimizer = HalfNeon(parameters((6, 8)), 0.1, passes=3)
    (group,) = optimizer.param_groups
    assert optimizer.rule_of(group) == "f-neon:alpha=0.25,svd=subspace,passes=3"
    assert list(arguments_of(HalfNeon))[6:10] == ["alpha", "svd", "passes", "oversample"]
    with pytest.raises(TypeError, match=r"HalfNeon takes no argument 'alpa' \(did you mean 'alpha'\?\)"):
        HalfNeon(parameters((6, 8)), alpa=1)
    other = parameters((6, 8))
    fanion.FNeon(other, 0.1, alpha=0.25, passes=3).step()
    optimizer.step()
    assert torch.equal(group["params"][0], other[0])
    tamed = TamedNeon(parameters((6, 8)), passes=3)
    assert tamed.rule_of(tamed.param_groups[0]) == "f-neon:alpha=0.75,svd=subspace,passes=3"


def test_classes_of_users_stay_theirs(parameters):
    optimizer = NamedMuon(parameters((6, 8)), "body", ns_steps=3)
    assert (optimizer.name, optimizer.param_groups[0]["lr"], NamedMuon.note) == ("body", 0.25, "mine")
    assert list(arguments_of(NamedMuon)) == ["params", "name", "options"]
    assert QuietMuon.calls == 0
    assert arguments_of(QuietMuon) == arguments_of(fanion.Muon)
    QuietMuon(parameters((6, 8)), ns_steps=3).step()
    for kept in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        kept.step()
