"""torch's schedulers and sharded optimizers that write into every group."""

import pytest
import torch
import torch.distributed.optim
from torch import distributed as dist
from torch import nn
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

import fanion


def model():
    return nn.Sequential(nn.Linear(6, 12), nn.LayerNorm(12), nn.Linear(12, 6))


def stepped(optimizer, net):
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()


def groups_of(net, **options):
    return fanion.param_groups(net, head=None, verbose=False, **options)


def one_cycle(optimizer):
    return OneCycleLR(optimizer, max_lr=[group["lr"] for group in optimizer.param_groups], total_steps=10)


def cyclic(optimizer):
    rates = [group["lr"] for group in optimizer.param_groups]
    return CyclicLR(optimizer, base_lr=[lr / 10 for lr in rates], max_lr=rates, step_size_up=4)


@pytest.mark.parametrize("schedule", [one_cycle, cyclic])
def test_cycles_keep_the_ratio_of_the_groups_rates(make, schedule):
    """A list of rates, one per group; one number would be every group's. Momentum cycles for the matrices alone."""
    net = model()
    optimizer = make(groups_of(net), lr=0.02, adamw_lr=3e-3)
    scheduler = schedule(optimizer)
    betas = optimizer.param_groups[1]["betas"]
    rates, momenta = [], []
    for _ in range(6):
        stepped(optimizer, net)
        scheduler.step()
        matrix, vectors = optimizer.param_groups
        assert vectors["lr"] / matrix["lr"] == pytest.approx(3e-3 / 0.02)
        assert vectors["betas"] == betas
        rates.append(matrix["lr"])
        momenta.append(matrix["momentum"])
    assert max(rates) > 2 * min(rates)
    assert max(momenta) > min(momenta)
    again = make(groups_of(net))
    again.load_state_dict(optimizer.state_dict())  # with the keys that the scheduler has written
    stepped(again, net)


@pytest.fixture
def one_process(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_zero_redundancy_optimizer(one_process):
    """It hands its own options to every group that has none, so AdamW's stand in the groups."""
    nets = [model(), model()]
    nets[1].load_state_dict(nets[0].state_dict())
    adamw = {"lr": 3e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.0}
    groups = groups_of(nets[0], adamw=adamw)
    for group in groups:
        group["params"] = [p for _, p in group["params"]]  # it takes no names
    sharded = torch.distributed.optim.ZeroRedundancyOptimizer(
        groups, fanion.FMuon, lr=0.02, momentum=0.8, nesterov=False, alpha=0.3
    )
    plain = fanion.FMuon(groups_of(nets[1], adamw=adamw), lr=0.02, momentum=0.8, nesterov=False, alpha=0.3)
    for _ in range(3):
        for net, optimizer in zip(nets, (sharded, plain), strict=True):
            stepped(optimizer, net)
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(p, q)


def test_options_of_the_rules_are_no_options_of_adamw_groups():
    group = {"params": [nn.Parameter(torch.ones(3))], "algorithm": "adamw", "momentum": 0.5, "ns_steps": 3, "mine": 7}
    (added,) = fanion.Muon([group]).param_groups
    assert "momentum" not in added
    assert "ns_steps" not in added
    assert added["mine"] == 7


def test_names_count_where_there_are_as_many_as_parameters(parameters):
    """ZeroRedundancyOptimizer gives an optimizer some parameters of a group and the names of all."""
    params, names = parameters((6, 4), (5, 3)), ["head.weight", "up.weight", "down.weight"]
    optimizer = fanion.Muon(params)
    optimizer.param_groups[0]["param_names"] = names
    params[0].grad = torch.full((6, 4), float("nan"))
    with pytest.raises(ValueError, match=r"parameter 0 of group 0 \(shape \[6, 4\]\)"):
        optimizer.step()
    optimizer.param_groups[0]["param_names"] = names[1:]
    with pytest.raises(ValueError, match=r"parameter 'up\.weight'"):
        optimizer.step()
