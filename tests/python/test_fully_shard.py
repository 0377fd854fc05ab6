"""Models under FSDP2 and DistributedDataParallel, against the same model in one process."""

import pytest
import torch
import torch.distributed.checkpoint as dcp
from processes import results_of
from torch import distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import fanion

VOCABULARY, WIDTH, BATCH, PARTS = 11, 6, 8, 2
RULES = {
    "muon": lambda groups: fanion.Muon(groups, lr=0.02),
    "f-neon": lambda groups: fanion.FNeon(groups, lr=0.02),
    "dion": lambda groups: fanion.Dion(groups, k=2, lr=0.01),
}


class Model(nn.Module):
    """Tied embedding and head, a frozen layer, rows that no number of processes here divides evenly."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.frozen = nn.Linear(WIDTH, WIDTH).requires_grad_(False)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 10), nn.Tanh(), nn.Linear(10, WIDTH)) for _ in range(2)
        )
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        x = self.frozen(self.embedding(tokens))
        for block in self.blocks:
            x = x + block(x)  # not in place: FSDP2 hooks what a block returns
        return self.head(x)


def built(rule, how, dtype, seed=0):
    torch.manual_seed(seed)
    model = Model().to(dtype)
    if how == "sharded":
        for block in model.blocks:
            fully_shard(block)
        fully_shard(model)
    groups = fanion.param_groups(model, verbose=False)
    return model, RULES[rule](groups)


def train(model, optimizer, how, steps):
    """From step to step; every process has its share of the batch, in two parts whose gradients add up."""
    world, rank = (1, 0) if how == "plain" else (dist.get_world_size(), dist.get_rank())
    run = DistributedDataParallel(model) if how == "replicated" else model
    for step in steps:
        tokens = torch.randint(VOCABULARY, (BATCH, PARTS, 5), generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        for part in tokens.tensor_split(world)[rank].unbind(1):
            logits = run(part[:, :-1])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten())
            (loss / PARTS).backward()
        optimizer.step()


def weights(model):
    found = {}
    for name, p in model.named_parameters():
        whole = p.full_tensor() if hasattr(p, "full_tensor") else p
        found[name] = whole.detach().clone()
    return found


def fit(_rank, rules, how, steps, dtype=torch.float64):
    found = {}
    for rule in rules:
        model, optimizer = built(rule, how, dtype)
        train(model, optimizer, how, range(steps))
        found[rule] = weights(model)
    return found


def expect_close(found, expected, tol):
    for name, W in expected.items():
        error = float((found[name] - W).norm() / W.norm())
        assert error <= tol, f"{name}: {error}"


@pytest.mark.parametrize(
    ("processes", "how", "rules"),
    [
        (1, "sharded", ["muon", "f-neon"]),
        (2, "sharded", ["muon", "f-neon"]),
        (4, "sharded", ["f-neon"]),
        (4, "replicated", ["muon"]),
    ],
)
def test_hundred_steps_in_float64_are_those_of_one_process(processes, how, rules):
    expected = fit(0, rules, "plain", 100)
    for found in results_of(processes, fit, rules, how, 100):
        for rule, of_rule in expected.items():
            expect_close(found[rule], of_rule, 1e-8)


def test_one_step_in_float32_is_that_of_one_process():
    expected = fit(0, list(RULES), "plain", 1, torch.float32)
    for found in results_of(2, fit, list(RULES), "sharded", 1, torch.float32):
        for rule, of_rule in expected.items():
            expect_close(found[rule], of_rule, 1e-5)


def losses(_rank, how, seed=0):
    """In float32 after 100 steps, by rule, on a batch of their own."""
    found = {}
    tokens = torch.randint(VOCABULARY, (64, 5), generator=torch.Generator().manual_seed(1000))
    for rule in ("muon", "dion"):
        model, optimizer = built(rule, how, torch.float32, seed)
        train(model, optimizer, how, range(100))
        with torch.no_grad():
            logits = model(tokens[:, :-1])
            found[rule] = float(nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()))
    return found


def test_losses_in_float32_differ_by_less_than_those_of_seeds():
    expected, other = losses(0, "plain"), losses(0, "plain", seed=1)
    for found in results_of(2, losses, "sharded"):
        for rule, loss in expected.items():
            assert abs(found[rule] - loss) < abs(other[rule] - loss) / 10, rule


def saved_after(_rank, folder, how):
    model, optimizer = built("dion", how, torch.float64)
    train(model, optimizer, how, range(4))
    parameters, state = get_state_dict(model, optimizer)
    dcp.save({"model": parameters, "optimizer": state}, checkpoint_id=folder)
    train(model, optimizer, how, range(4, 7))
    return weights(model)


def gone_on(_rank, folder, how):
    model, optimizer = built("dion", how, torch.float64)
    train(model, optimizer, how, range(100, 102))  # to be overwritten
    parameters, state = get_state_dict(model, optimizer)
    dcp.load({"model": parameters, "optimizer": state}, checkpoint_id=folder)
    set_state_dict(model, optimizer, model_state_dict=parameters, optim_state_dict=state)
    train(model, optimizer, how, range(4, 7))
    return weights(model)


def test_checkpoints_load_on_other_numbers_of_processes(tmp_path):
    expected = results_of(4, saved_after, str(tmp_path), "sharded")[0]
    for processes in (2, 1):
        for found in results_of(processes, gone_on, str(tmp_path), "sharded"):
            expect_close(found, expected, 1e-10)
    [plain] = results_of(1, gone_on, str(tmp_path), "plain")
    expect_close(plain, expected, 1e-10)


@torch.no_grad()
def copied(sharded, model):
    """Gives a sharded model the weights of a plain one."""
    for p, q in zip(sharded.parameters(), model.parameters(), strict=True):
        p.to_local().copy_(distribute_tensor(q, p.device_mesh, p.placements, src_data_rank=None).to_local())


def full_state(_rank):
    """A plain optimizer's state, loaded into a sharded one, and what diagnostics say of it."""
    model, optimizer = built("dion", "plain", torch.float64)
    train(model, optimizer, "plain", range(3))
    sharded, resumed = built("dion", "sharded", torch.float64)
    copied(sharded, model)
    resumed.load_state_dict(optimizer.state_dict())
    names = dict(model.named_parameters())
    for name, p in sharded.named_parameters():
        for kind, tensor in resumed.state.get(p, {}).items():
            whole = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
            assert torch.equal(whole, optimizer.state[names[name]][kind]), (name, kind)
    train(model, optimizer, "plain", range(3, 5))
    train(sharded, resumed, "sharded", range(3, 5))
    expect_close(weights(sharded), weights(model), 1e-10)
    return [{name: d.sigma_1 for name, d in o.diagnostics().items()} for o in (optimizer, resumed)]


def test_state_of_a_plain_optimizer_is_loaded_and_diagnosed():
    for plain, sharded in results_of(2, full_state):
        assert sharded == {
            name: sigma if sigma is None else pytest.approx(sigma, rel=1e-6) for name, sigma in plain.items()
        }
