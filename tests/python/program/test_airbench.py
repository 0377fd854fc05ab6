"""airbench beside an obvious version of its recipe in PyTorch, on the images that come with the program."""

import math
import signal
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from .running import (
    assert_same,
    checkpoint,
    config,
    flags,
    losses,
    metrics,
    refused,
    resume,
    start,
    stop,
    train,
    wait_for_step,
)
from .test_images import RECORD, SAMPLE

CHANNELS, BATCH, WHITENING_EPOCHS = 24, 100, 1.5
TRAINING = 300
SMALL = {
    "channels": CHANNELS,
    "batch": BATCH,
    "whitening-epochs": WHITENING_EPOCHS,
    "steps": 8,
    "eval-every": 8,
    "dtype": "float32",
    # Newton-Schulz would make the rounding of small singular values large, and a high rate that of all.
    "optimizer": "nsgd",
    "lr": 0.02,
    "seed": 5,
    "threads": 1,
}
WIDTHS = [24, CHANNELS, CHANNELS, 4 * CHANNELS, 4 * CHANNELS, 4 * CHANNELS, 4 * CHANNELS]
LAYERS = [(group, part) for group in (1, 2, 3) for part in (1, 2)]


def held(run):
    """The model of a run's checkpoint by name."""
    return {
        name.removeprefix("model."): torch.frombuffer(bytearray(stored.data), dtype=torch.float32).view(stored.shape)
        for name, stored in checkpoint(run).tensors.items()
        if name.startswith("model.")
    }


def generator(seed, step, stream):
    mixed = seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03 + step
    return torch.Generator().manual_seed(mixed % 2**64)


def images_of(file):
    raw = torch.frombuffer(bytearray((SAMPLE / file).read_bytes()), dtype=torch.uint8).view(-1, RECORD)
    mean, deviation = (
        torch.tensor(values).view(3, 1, 1) for values in ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616])
    )
    return (raw[:, 1:].view(-1, 3, 32, 32).float() / 255 - mean) / deviation, raw[:, 0].long()


class Net:
    """The network, its parameters drawn as the program draws them."""

    def __init__(self, seed, filters):
        draw = torch.Generator().manual_seed(seed)

        def uniform(*shape, fan_in=None):
            bound = 1 / math.sqrt(fan_in or math.prod(shape[1:]))
            return torch.empty(shape).uniform_(-bound, bound, generator=draw)

        self.filters = filters
        self.convolutions = [uniform(out, into, 3, 3) for into, out in pairwise(WIDTHS)]
        for weight in self.convolutions:
            weight[: weight.shape[1]] = 0
            for i in range(weight.shape[1]):
                weight[i, i, 1, 1] = 1
        self.biases = [torch.zeros(width) for width in WIDTHS[1:]]
        self.whitening_bias = uniform(24, fan_in=12)
        self.head = uniform(10, WIDTHS[-1])
        self.head /= self.head.std()
        self.means = [torch.zeros(width) for width in WIDTHS[1:]]
        self.variances = [torch.ones(width) for width in WIDTHS[1:]]
        for p in self.parameters():
            p.requires_grad_()

    def parameters(self):
        return [*self.convolutions, *self.biases, self.whitening_bias, self.head]

    def scores(self, x, training, bias_learns=True):
        bias = self.whitening_bias if bias_learns else self.whitening_bias.detach()
        x = F.gelu(F.conv2d(x, self.filters, bias))
        for i, weight in enumerate(self.convolutions):
            x = F.conv2d(x, weight, padding=1)
            if i % 2 == 0:
                x = F.max_pool2d(x, 2)
            if training:
                mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
                n = x.numel() / x.shape[1]
                self.means[i] = 0.6 * self.means[i] + 0.4 * mean.detach()
                self.variances[i] = 0.6 * self.variances[i] + 0.4 * variance.detach() * n / (n - 1)
            else:
                mean, variance = self.means[i], self.variances[i]
            x = (x - mean.view(1, -1, 1, 1)) / (variance.view(1, -1, 1, 1) + 1e-12).sqrt()
            x = F.gelu(x + self.biases[i].view(1, -1, 1, 1))
        x = F.max_pool2d(x, 3).flatten(1)
        return x @ self.head.T / x.shape[1]


def batch_of(images, seed, step):
    """The images of a step, one after the other: which, moved by up to two pixels, mirrored every second epoch."""
    per_epoch = TRAINING // BATCH
    epoch = step // per_epoch
    order = torch.randperm(TRAINING, generator=generator(seed, epoch, 1))
    chosen = order[step % per_epoch * BATCH :][:BATCH]
    mirrored_first = torch.rand(TRAINING, generator=generator(seed, 0, 3)) < 0.5
    shifts = torch.randint(-2, 3, (BATCH, 2), generator=generator(seed, step, 4))
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    moved = []
    for image, (down, right) in zip(chosen, shifts.tolist(), strict=True):
        view = padded[image, :, 2 - down : 34 - down, 2 - right : 34 - right]
        moved.append(view.flip(2) if bool(mirrored_first[image]) != (epoch % 2 == 1) else view)
    return torch.stack(moved), chosen


def trained(filters):
    """Losses of the steps and the validation after them, by the obvious recipe."""
    seed, steps = SMALL["seed"], SMALL["steps"]
    images, labels = images_of("data_batch_1.bin")
    net = Net(seed, filters)
    rates = {"biases": 0.053, "whitening": 0.053, "head": 0.67}
    groups = {"biases": net.biases, "whitening": [net.whitening_bias], "head": [net.head]}
    decay = 2e-6 * BATCH
    rest = torch.optim.SGD(
        [{"params": groups[name], "lr": lr, "weight_decay": decay / lr} for name, lr in rates.items()],
        momentum=0.85,
        nesterov=True,
    )
    momenta = [torch.zeros_like(w) for w in net.convolutions]
    whitening_steps = math.ceil(WHITENING_EPOCHS * (TRAINING // BATCH))
    seen = []
    for step in range(steps):
        batch, chosen = batch_of(images, seed, step)
        scores = net.scores(batch, training=True, bias_learns=step < whitening_steps)
        logs = scores.log_softmax(1)
        right = logs.gather(1, labels[chosen, None]).squeeze(1)
        loss = -(0.8 * right + 0.2 * logs.mean(1)).sum()
        penalty = sum(
            decay / lr / 2 * float(sum((p.detach() ** 2).sum() for p in groups[name]))
            for name, lr in rates.items()
            if name != "whitening" or step < whitening_steps
        )
        seen.append(loss.item() + penalty)
        loss.backward()
        for group, name in zip(rest.param_groups, rates, strict=True):
            total = whitening_steps if name == "whitening" else steps
            group["lr"] = rates[name] * (1 - step / total)
        rest.step()
        with torch.no_grad():
            for weight, momentum in zip(net.convolutions, momenta, strict=True):
                momentum.mul_(0.6).add_(weight.grad)
                M = weight.grad + 0.6 * momentum
                weight -= SMALL["lr"] * (1 - step / steps) * M / M.norm()
                weight *= math.sqrt(len(weight)) / weight.norm()
        for p in net.parameters():
            p.grad = None
    images, labels = images_of("test_batch.bin")
    with torch.no_grad():
        plain = net.scores(images, training=False)
        padded = F.pad(images, (1, 1, 1, 1), mode="reflect")
        views = [(images, 1 / 2), (padded[:, :, :32, :32], 1 / 4), (padded[:, :, 2:, 2:], 1 / 4)]
        averaged = sum(
            weight / 2 * net.scores(v, training=False) for view, weight in views for v in (view, view.flip(3))
        )
    hits = [float((scores.argmax(1) == labels).float().mean()) for scores in (plain, averaged)]
    return seen, [float(F.cross_entropy(plain, labels)), *hits]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("airbench") / "run", SMALL, experiment="airbench")


def test_is_the_recipe(run):
    expected, validation = trained(held(run)["whitening.weight"])  # whose signs are anyone's choice
    assert losses(run) == pytest.approx(expected, rel=1e-5)
    last = metrics(run)[-1]
    assert last["validation_loss"] == pytest.approx(validation[0], rel=1e-5)
    # One image of 100 may lie between two classes.
    assert last["accuracy"] == pytest.approx(validation[1], abs=0.011)
    assert last["augmented_accuracy"] == pytest.approx(validation[2], abs=0.011)


def test_whitened_patches_are_uncorrelated(run):
    """Of what a run's checkpoint holds."""
    images, _ = images_of("data_batch_1.bin")
    filters = held(run)["whitening.weight"]
    answers = F.conv2d(images, filters[:12]).permute(0, 2, 3, 1).reshape(-1, 12).double()
    moments = answers.T @ answers / len(answers)
    patches = F.conv2d(images, torch.eye(12).view(12, 3, 2, 2)).permute(0, 2, 3, 1).reshape(-1, 12).double()
    eigenvalues = torch.linalg.eigvalsh(patches.T @ patches / len(patches))
    expected = torch.diag(eigenvalues / (eigenvalues + 5e-4))
    torch.testing.assert_close(moments, expected, atol=2e-3, rtol=0)
    torch.testing.assert_close(filters[12:], -filters[:12])


def test_parameters_are_those_of_the_network(tmp_path):
    """As many as airbench94_muon.py's network learns."""
    run = train(tmp_path / "run", {"batch": 2, "steps": 1, "views": 1, "threads": 1}, experiment="airbench")
    model = held(run)
    widths = [24, 64, 64, 256, 256, 256, 256]
    assert model["whitening.bias"].numel() == 24
    assert model["head.weight"].shape == (10, 256)
    for i, (group, part) in enumerate(LAYERS):
        assert model[f"group{group}.conv{part}.weight"].shape == (widths[i + 1], widths[i], 3, 3)
        for name in ("bias", "mean", "variance"):
            assert model[f"group{group}.norm{part}.{name}"].numel() == widths[i + 1]
    assert config(run)["options"]["lr"] == 0.24  # the one tuned for Muon
    assert config(run)["options"]["dtype"] == "bfloat16"


def test_weights_are_normalised(run):
    model = held(run)
    for group, part in LAYERS:
        weight = model[f"group{group}.conv{part}.weight"]
        assert float(weight.norm()) == pytest.approx(math.sqrt(len(weight)), rel=1e-5)


def test_whitening_bias_stays_after_its_epochs(tmp_path):
    biases = []
    for steps in (5, 8):
        options = SMALL | {"steps": steps, "schedule": "constant"}
        run = train(tmp_path / f"{steps}", options, experiment="airbench")
        biases.append(held(run)["whitening.bias"])
    torch.testing.assert_close(biases[0], biases[1], atol=0, rtol=0)  # 1.5 epochs of 3 steps: the fifth is the last


@pytest.mark.parametrize("views", [1, 2])
def test_views(tmp_path, run, views):
    """Fewer views of the test images change the augmented accuracy alone."""
    other = train(tmp_path / "run", SMALL, experiment="airbench", views=views)
    assert losses(other) == losses(run)
    last, whole = metrics(other)[-1], metrics(run)[-1]
    assert (last["validation_loss"], last["accuracy"]) == (whole["validation_loss"], whole["accuracy"])
    if views == 1:
        assert last["augmented_accuracy"] == last["accuracy"]


def test_bfloat16(tmp_path, run):
    """Rounds, and is the same recipe: the first losses agree within that rounding."""
    other = train(tmp_path / "run", SMALL, experiment="airbench", dtype="bfloat16")
    assert losses(other) != losses(run)
    assert losses(other)[:3] == pytest.approx(losses(run)[:3], rel=2e-2)


def test_kill_and_resume(tmp_path):
    """Running means, too, go on where they were."""
    options = SMALL | {"batch": 30, "views": 1, "steps": 24, "eval-every": 8, "checkpoint-every": 7}
    whole = train(tmp_path / "whole", options, experiment="airbench")
    process = start("train", "airbench", "--out", tmp_path / "run", *flags(options), cwd=tmp_path)
    wait_for_step(process, tmp_path / "run", 10)
    stop(process, signal.SIGKILL)
    resume(tmp_path / "run", "airbench")
    assert_same(tmp_path / "run", whole)


def test_clipping_where_a_gradient_is_missing(tmp_path):
    run = train(tmp_path / "run", SMALL, experiment="airbench", clip=1.0)
    assert len(losses(run)) == SMALL["steps"]


BAD = {
    "channels": ({"channels": 23}, ["--channels 23", "24"]),
    "dtype": ({"dtype": "int8"}, ["--dtype", "int8", "bfloat16"]),
    "views": ({"views": 3}, ["--views 3", "1, 2 or 6"]),
    "whitening epochs": ({"whitening-epochs": 0}, ["--whitening-epochs 0"]),
    "decay": ({"decay": -1}, ["--decay -1"]),
    "momentum": ({"rest-momentum": 1}, ["momentum = 1"]),
    "head": ({"head-lr": -1}, ["--head_lr -1"]),
}


@pytest.mark.parametrize("changes, words", BAD.values(), ids=BAD)
def test_option(tmp_path, changes, words):
    refused(tmp_path, "train", "airbench", "--out", "run", *flags(SMALL | changes), words=words)
