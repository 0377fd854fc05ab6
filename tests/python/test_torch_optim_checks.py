"""What torch's test_optim.py asks of an optimizer, asked of every class, with the inputs of its table.

Of its cases these cannot apply: complex parameters, sparse gradients and Rosenbrock's function, which is one of a
vector (matrices of real numbers with dense gradients are what a rule takes: test_bad_input.py); foreach, fused,
capturable, differentiable, maximize and peak memory (no such flags: the step is one call, and autograd does not go
through it); several devices (none here).
"""

import copy
import inspect
import io
import re
import warnings

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch_table import kwargs_for, problem, same, same_state, table
from trajectories import tensors_of

import fanion

# What torch's table expects, and what is said here instead.
OWN_WORDS = {
    "Tensor lr must be 1-element": "lr must be a number, got a tensor of shape (2,)",
    "Muon only supports 2D parameters": None,  # flattened, as out × in·kh·kw
    "Adjust learning rate function arbitrary is not supported": "adjust_lr_fn = 'arbitrary'; choose one of: original",
    "Muon does not support complex parameters": "torch.complex64; the steps take torch.float32",
}


def test_errors(make):
    inputs = table.get_error_inputs_for_all_optims("cpu", torch.float32)
    inputs += table.optim_error_inputs_func_muon("cpu", torch.float32)
    small = {"k": 1} if "k" in inspect.signature(make).parameters else {}  # torch's parameters are 1 × 1
    for error in inputs:
        given, wanted = error.optimizer_error_input, OWN_WORDS.get(error.error_regex, error.error_regex)
        params = [nn.Parameter(torch.randn(1, 1))] if given.params is None else given.params
        if wanted is None:
            make(params, **small, **given.kwargs)
        elif issubclass(error.error_type, Warning):
            with pytest.warns(error.error_type, match=wanted):
                make(params, **small, **given.kwargs)
        else:
            own = error.error_regex in OWN_WORDS
            with pytest.raises(ValueError if own else error.error_type, match=re.escape(wanted) if own else wanted):
                make(params, **small, **given.kwargs)


@pytest.mark.parametrize("contiguous", [True, False])
def test_goes_in_the_right_direction(make, contiguous):
    def plateau(optimizer):
        return ReduceLROnPlateau(optimizer)

    cases = [(options, None) for options in (kwargs_for(make) if contiguous else [{}])]
    cases += [({}, schedule) for schedule in (lambda o: StepLR(o, gamma=0.9, step_size=10), plateau)]
    for options, make_schedule in cases:
        optimizer, closure = problem(make, contiguous, **options)
        schedule = make_schedule(optimizer) if make_schedule else None
        first = closure().item()
        for _ in range(20):
            loss = optimizer.step(closure)
            if schedule is not None:
                schedule.step(*((loss,) if make_schedule is plateau else ()))
        assert closure().item() < first, options


def test_a_tensor_as_lr_is_its_number(make):
    for shape in ((), (1,)):
        for options in ({}, {"momentum": 0.8}):
            optimizer, closure = problem(make, **options)
            lr = optimizer.param_groups[0]["lr"]
            other, other_closure = problem(make, **{**options, "lr": torch.full(shape, float(lr), dtype=torch.float64)})
            for _ in range(5):
                optimizer.step(closure)
                other.step(other_closure)
            assert same(optimizer, other)


def test_param_groups_lr_and_weight_decay(make):
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(10, 5)) for _ in range(2)]
    before = [w.detach().clone() for w in weights]
    optimizer = make([{"params": weights[:1], "lr": 0.5, "weight_decay": 0.2}, {"params": weights[1:]}], lr=0.0)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.0]
    for w in weights:
        w.grad = torch.zeros_like(w)
    optimizer.step()
    torch.testing.assert_close(weights[0].detach(), 0.9 * before[0], rtol=1e-6, atol=0)
    assert torch.equal(weights[1], before[1])


def test_a_step_without_gradients_does_nothing(make):
    optimizer, closure = problem(make)
    optimizer.step(closure)
    before = copy.deepcopy(optimizer.state_dict()), [p.detach().clone() for p in tensors_of(optimizer)]
    optimizer.zero_grad()
    optimizer.step()
    for p, q in zip(tensors_of(optimizer), before[1], strict=True):
        assert torch.equal(p, q)
    assert same_state(optimizer.state_dict(), before[0])


def test_a_first_step_with_zero_gradients_and_no_decay_does_nothing(make):
    optimizer, _ = problem(make, weight_decay=0.0, adamw_weight_decay=0.0)
    before = [p.detach().clone() for p in tensors_of(optimizer)]
    for p in tensors_of(optimizer):
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(tensors_of(optimizer), before, strict=True))


def test_can_be_printed(make):
    for options in kwargs_for(make):
        optimizer, _ = problem(make, **options)
        text = repr(optimizer)
        assert text.startswith(type(optimizer).__name__)
        assert all(f"{key}: " in text for key in optimizer.param_groups[0] if key != "params")


def test_state_dict_is_deterministic_and_loads_with_weights_only(make):
    for options in kwargs_for(make):
        optimizer, closure = problem(make, **options)
        for _ in range(3):
            optimizer.step(closure)
        saved = copy.deepcopy(optimizer.state_dict())
        file = io.BytesIO()
        torch.save(optimizer.state_dict(), file)
        file.seek(0)
        other, other_closure = problem(make, **options)
        with torch.no_grad():
            for p, q in zip(tensors_of(other), tensors_of(optimizer), strict=True):
                p.copy_(q)
        other.load_state_dict(torch.load(file, weights_only=True))
        assert same_state(optimizer.state_dict(), saved)
        for _ in range(3):
            optimizer.step(closure)
            other.step(other_closure)
        assert same(optimizer, other)
        assert same_state(optimizer.state_dict(), other.state_dict())


def test_older_state_dicts_load(make):
    """Without the options that came after the first version, and with AdamW's step as a number."""
    optimizer, closure = problem(make)
    optimizer.step(closure)
    saved = optimizer.state_dict()
    for name in ("momentum_dtype", "normalize_weights", "adapt", "adapt_beta", "weight_decay_method"):
        del saved["param_groups"][0][name]
    saved["state"][1]["step"] = saved["state"][1]["step"].item()
    optimizer.load_state_dict(saved)
    optimizer.step(closure)
    assert isinstance(optimizer.state_dict()["state"][1]["step"], torch.Tensor)


def test_named_and_nameless_state_dicts_load_into_each_other(make):
    for ours, theirs in ((True, False), (False, True), (True, True)):
        weights = [[nn.Parameter(torch.ones(4, 3)) for _ in range(2)] for _ in range(2)]
        first, second = (
            make(list(zip("ab", pair, strict=True)) if named else pair)
            for pair, named in zip(weights, (ours, theirs), strict=True)
        )
        for p in weights[0]:
            p.grad = torch.randn_like(p)
        first.step()
        second.load_state_dict(first.state_dict())
        assert ("param_names" in second.param_groups[0]) == (theirs or ours)
        for p, q in zip(*weights, strict=True):
            assert torch.equal(first.state[p]["momentum_buffer"], second.state[q]["momentum_buffer"])


def test_hooks_of_steps_run_in_order(make):
    optimizer, closure = problem(make)
    called = []
    handles = [
        register_optimizer_step_pre_hook(lambda *_: called.append("global before")),
        register_optimizer_step_post_hook(lambda *_: called.append("global after")),
    ]
    try:
        optimizer.register_step_pre_hook(lambda *_: called.append("before"))
        optimizer.register_step_post_hook(lambda *_: called.append("after"))
        optimizer.step(closure)
    finally:
        for handle in handles:
            handle.remove()
    assert called == ["global before", "before", "after", "global after"]


def test_hooks_of_state_dicts_run_in_order(make):
    optimizer, _ = problem(make)
    called = []
    optimizer.register_state_dict_pre_hook(lambda _: called.append("save 2"))
    optimizer.register_state_dict_pre_hook(lambda _: called.append("save 1"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda _, saved: {**saved, "mine": called.append("saved")})
    optimizer.register_load_state_dict_pre_hook(lambda _, saved: called.append("load"))
    optimizer.register_load_state_dict_post_hook(lambda _: called.append("loaded"))
    saved = optimizer.state_dict()
    assert "mine" in saved
    optimizer.load_state_dict(saved)
    assert called == ["save 1", "save 2", "saved", "load", "loaded"]


def test_deepcopy_keeps_public_attributes_and_state(make):
    optimizer, closure = problem(make)
    optimizer.step(closure)
    other = copy.deepcopy(optimizer)
    public = [{key for key in vars(o) if not key.startswith("_")} for o in (optimizer, other)]
    assert public[0] == public[1]
    assert all(state for state in other.state.values())
    assert len(other.state) == 2


def test_no_warning_of_its_own(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer, closure = problem(make)
        optimizer.step(closure)
        optimizer.load_state_dict(optimizer.state_dict())


def test_every_class_is_asked():
    """conftest.py makes each class that fanion exports."""
    from conftest import OPTIMIZERS

    classes = {
        kind for kind in vars(fanion).values() if isinstance(kind, type) and issubclass(kind, fanion.LmoOptimizer)
    }
    assert {getattr(make, "func", make) for make in OPTIMIZERS.values()} == classes
