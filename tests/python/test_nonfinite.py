"""NaN and Inf in gradients: an error that changes nothing, a parameter left alone, or not looked at."""

import pytest
import torch
import torch.distributed.tensor
from unchanged import everything, two_groups, unchanged

import fanion


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("position", [(0, 1), (1, 0)])
def test_nonfinite_gradient_changes_nothing(make, parameters, bad, position):
    optimizer = make(two_groups(parameters))
    group, i = position
    optimizer.param_groups[group]["params"][i].grad.view(-1)[2] = bad
    before = everything(optimizer)
    name = optimizer.param_groups[group]["param_names"][i]
    with pytest.raises(ValueError, match=f"gradient of parameter '{name}'; nothing was changed"):
        optimizer.step()
    assert unchanged(optimizer, before)


def test_nonfinite_gradient_of_a_nameless_parameter(make, parameters):
    params = parameters((6, 8), (4, 5))
    params[1].grad[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"parameter 1 of group 0 \(shape \[4, 5\]\)"):
        make(params).step()


def test_skip_leaves_the_parameter_alone(make, parameters):
    optimizer = make(two_groups(parameters), nonfinite="skip")
    _, b, c = (p for group in optimizer.param_groups for p in group["params"])
    b.grad[0, 0] = float("nan")
    c.grad[1] = float("inf")
    before = everything(optimizer)
    optimizer.step()
    assert optimizer.skipped == 2
    after = everything(optimizer)
    assert not torch.equal(after[0][0], before[0][0])
    for i in (1, 2):
        assert torch.equal(after[i][0], before[i][0])
        assert all(torch.equal(after[i][1][kind], before[i][1][kind]) for kind in before[i][1])
    b.grad, c.grad = torch.ones_like(b), torch.ones_like(c)
    optimizer.step()
    assert optimizer.skipped == 2


def test_policy_is_the_groups(make, parameters):
    optimizer = make(two_groups(parameters, nonfinite="skip"))
    optimizer.param_groups[1]["params"][0].grad[0] = float("nan")
    optimizer.step()
    assert optimizer.skipped == 1


def test_ignore_does_not_look(parameters):
    params = parameters((6, 8))
    params[0].grad[0, 0] = float("nan")
    fanion.NSGD(params, nonfinite="ignore").step()
    assert params[0].isnan().any()


def test_large_finite_gradients_are_finite(make, parameters):
    """Their float32 sum overflows."""
    params = parameters((6, 8))
    params[0].grad.fill_(1e37)
    make(params).step()
    assert params[0].isfinite().all()
