"""Checkpoints of torch.optim.Muon and AdamW go on here."""

import copy

import pytest
import torch
from torch import nn

import fanion

TORCH_LIKE = {"eps": 1e-7, "ns_dtype": "bfloat16"}


def model():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 2))


def split(net):
    matrices = [(name, p) for name, p in net.named_parameters() if name in ("0.weight", "2.weight")]
    return matrices, [(name, p) for name, p in net.named_parameters() if p.ndim < 2 or name == "4.weight"]


def steps(net, optimizers, count, generator):
    for _ in range(count):
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=generator)
        for optimizer in optimizers:
            optimizer.step()


def assert_close(left, right):
    for p, q in zip(left.parameters(), right.parameters(), strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=1e-5, atol=1e-6)  # products in bfloat16, in one order


def test_muon_goes_on():
    theirs = nn.Linear(7, 5, bias=False)
    ours = copy.deepcopy(theirs)
    reference = torch.optim.Muon(theirs.parameters(), lr=0.03, momentum=0.8, weight_decay=0.2, nesterov=False)
    steps(theirs, [reference], 3, torch.Generator().manual_seed(1))
    optimizer = fanion.Muon(ours.parameters(), lr=1, **TORCH_LIKE)
    optimizer.load_state_dict(reference.state_dict())
    ours.load_state_dict(theirs.state_dict())
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["nesterov"], group["ns_dtype"]) == (0.03, 0.8, False, "bfloat16")
    for net, one in ((theirs, reference), (ours, optimizer)):
        steps(net, [one], 3, torch.Generator().manual_seed(2))
    assert_close(theirs, ours)
    again = fanion.Muon(ours.parameters())
    again.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("named", [True, False])
def test_a_pair_goes_on(named):
    def pair(net):
        muon, adamw = split(net)
        if not named:
            muon, adamw = ([p for _, p in group] for group in (muon, adamw))
        return [torch.optim.Muon(muon, lr=0.03), torch.optim.AdamW(adamw, lr=0.01, betas=(0.8, 0.9), fused=True)]

    def one(net):
        if named:  # four groups, and in another order
            return fanion.Muon(fanion.param_groups(net, head="4", verbose=False), **TORCH_LIKE)
        muon, adamw = ([p for _, p in group] for group in split(net))
        return fanion.Muon([{"params": muon}, {"params": adamw, "algorithm": "adamw"}], **TORCH_LIKE)

    theirs, ours = model(), model()
    references = pair(theirs)
    steps(theirs, references, 3, torch.Generator().manual_seed(1))
    optimizer = one(ours)
    optimizer.load_state_dict(fanion.state_dict_from_torch(optimizer, *(r.state_dict() for r in references)))
    ours.load_state_dict(theirs.state_dict())
    assert [g["lr"] for g in optimizer.param_groups] == [0.03] + [0.01] * (2 if named else 1)
    steps(theirs, references, 3, torch.Generator().manual_seed(2))
    steps(ours, [optimizer], 3, torch.Generator().manual_seed(2))
    assert_close(theirs, ours)


def test_an_adamw_checkpoint_alone_fits_adamw_groups():
    net = nn.Linear(3, 2)
    reference = torch.optim.AdamW(net.parameters(), lr=0.5)
    steps(net, [reference], 1, torch.Generator().manual_seed(1))
    optimizer = fanion.Neon([{"params": list(net.parameters()), "algorithm": "adamw"}])
    optimizer.load_state_dict(reference.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state[net.weight]["step"] == 1


def test_what_does_not_fit():
    net = model()
    muon, adamw = ([p for _, p in group] for group in split(net))
    optimizer = fanion.Muon([{"params": muon}, {"params": adamw, "algorithm": "adamw"}])
    references = [torch.optim.Muon(muon), torch.optim.AdamW(adamw, amsgrad=True)]
    steps(net, references, 1, torch.Generator().manual_seed(1))
    saved = [reference.state_dict() for reference in references]
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match="group 1 of the checkpoint was saved with amsgrad=True"):
        optimizer.load_state_dict(fanion.state_dict_from_torch(optimizer, *saved))
    with pytest.raises(ValueError, match=r"groups of \[2, 4\] parameters, the checkpoints of \[2\], and not all"):
        fanion.state_dict_from_torch(optimizer, saved[0])
    with pytest.raises(ValueError, match="no option 'algorithm'; it was not saved by Muon"):
        optimizer.load_state_dict(
            fanion.state_dict_from_torch(
                optimizer, torch.optim.SGD(muon).state_dict(), torch.optim.SGD(adamw).state_dict()
            )
        )
    assert str(optimizer.state_dict()) == str(before)
    named, rest = split(net)
    optimizer = fanion.Muon([{"params": named}, {"params": rest, "algorithm": "adamw"}])
    with pytest.raises(ValueError, match=r"no checkpoint has parameter '0\.bias'; they have '0\.weight', '2\.weight'"):
        fanion.state_dict_from_torch(optimizer, torch.optim.Muon(named).state_dict())
    rates = [{"params": named[:1], "lr": 0.1}, {"params": named[1:], "lr": 0.2}]
    theirs = [torch.optim.Muon(rates).state_dict(), torch.optim.AdamW(rest).state_dict()]
    with pytest.raises(
        ValueError, match=r"parameter '2\.weight' was saved with other options than the first of its group"
    ):
        fanion.state_dict_from_torch(optimizer, *theirs)


def newton_schulz(G):
    X = G.mT if G.size(0) > G.size(1) else G  # in bfloat16 there: which digits it has is not what is asked here
    X = X / (X.norm() + 1e-7)
    for _ in range(5):
        A = X @ X.mT
        X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return X.mT if G.size(0) > G.size(1) else X


class AuxAdam:
    """What Keller Jordan's MuonWithAuxAdam computes and saves, plainly: matrices sorted by size, steps as ints."""

    def __init__(self, matrices, rest, ordered=True):
        matrices = sorted(matrices, key=lambda p: p.size(), reverse=True) if ordered else matrices
        self.matrices, self.rest = matrices, rest
        self.momenta = [torch.zeros_like(p) for p in matrices]
        self.first, self.second = ([torch.zeros_like(p) for p in rest] for _ in range(2))
        self.steps = 0

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for p, B in zip(self.matrices, self.momenta, strict=True):
            B.lerp_(p.grad, 0.1)
            D = newton_schulz(p.grad.lerp(B, 0.9)) * max(1, p.size(0) / p.size(1)) ** 0.5
            p.mul_(1 - 0.03 * 0.2).sub_(0.03 * D)
        for p, m, v in zip(self.rest, self.first, self.second, strict=True):
            m.lerp_(p.grad, 0.2)
            v.lerp_(p.grad.square(), 0.1)
            p.mul_(1 - 0.01 * 0.3)
            p.sub_(0.01 * (m / (1 - 0.8**self.steps)) / ((v / (1 - 0.9**self.steps)).sqrt() + 1e-10))

    def state_dict(self):
        muon = {"lr": 0.03, "momentum": 0.9, "weight_decay": 0.2, "use_muon": True}
        adam = {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-10, "weight_decay": 0.3, "use_muon": False}
        n = len(self.matrices)
        state = {i: {"momentum_buffer": B} for i, B in enumerate(self.momenta)}
        moments = enumerate(zip(self.first, self.second, strict=True))
        state |= {n + i: {"exp_avg": m, "exp_avg_sq": v, "step": self.steps} for i, (m, v) in moments}
        groups = [{**muon, "params": list(range(n))}, {**adam, "params": list(range(n, n + len(self.rest)))}]
        return copy.deepcopy({"state": state, "param_groups": groups})


def several():
    """Matrices whose order by size is another, two of them alike."""
    torch.manual_seed(4)
    return nn.ModuleList([nn.Linear(6, 4), nn.Linear(5, 12), nn.Linear(6, 4), nn.Linear(9, 7)])


def matrices_and_biases(net):
    return [p for p in net.parameters() if p.ndim == 2], [p for p in net.parameters() if p.ndim == 1]


@pytest.mark.parametrize("ordered", [True, False])
def test_kellers_muon_with_aux_adam_goes_on(ordered):
    theirs, ours = several(), several()
    reference = AuxAdam(*matrices_and_biases(theirs), ordered=ordered)
    steps(theirs, [reference], 3, torch.Generator().manual_seed(1))
    matrices, biases = matrices_and_biases(ours)
    groups = [{"params": matrices}, {"params": biases, "algorithm": "adamw"}]
    optimizer = fanion.Muon(groups, nesterov=False, ns_dtype="float32")
    optimizer.load_state_dict(reference.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert [group["lr"] for group in optimizer.param_groups] == [0.03, 0.01]
    assert optimizer.param_groups[0]["nesterov"]
    assert "use_muon" not in optimizer.param_groups[1]
    steps(theirs, [reference], 3, torch.Generator().manual_seed(2))
    steps(ours, [optimizer], 3, torch.Generator().manual_seed(2))
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=1e-5, atol=1e-5)  # float32 through Newton–Schulz
    fanion.Neon(groups).load_state_dict(reference.state_dict())


def test_kellers_muon_alone_goes_on_and_wrong_groups_are_refused():
    net = several()
    matrices, biases = matrices_and_biases(net)
    reference = AuxAdam(matrices, biases, ordered=False)
    steps(net, [reference], 2, torch.Generator().manual_seed(1))
    saved = reference.state_dict()
    alone = {"state": {i: saved["state"][i] for i in range(4)}, "param_groups": saved["param_groups"][:1]}
    del alone["param_groups"][0]["use_muon"]
    optimizer = fanion.Muon(matrices)
    optimizer.load_state_dict(alone)
    for p, B in zip(matrices, reference.momenta, strict=True):
        assert torch.equal(optimizer.state[p]["momentum_buffer"], B)
    swapped = fanion.Muon([{"params": biases, "algorithm": "adamw"}, {"params": matrices}])
    with pytest.raises(ValueError, match="group 0 of the checkpoint has use_muon=True, the optimizer's alg"):
        swapped.load_state_dict(reference.state_dict())
    with pytest.raises(ValueError, match="no option 'algorithm'"):
        fanion.Muon(matrices).load_state_dict(torch.optim.SGD(matrices, lr=0.1, momentum=0.9).state_dict())
