"""The obvious version of airbench's recipe in PyTorch, with the program's draws."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812

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
