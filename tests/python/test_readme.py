"""The README's example of a move from AdamW does what it says."""

from pathlib import Path

import torch
from torch import nn

import fanion

README = Path(__file__).parents[2] / "README.md"


def example():
    text = README.read_text()
    start = text.index("# before: torch.optim.AdamW")
    return text[start : text.index("```", start)]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(20, 16)
        self.up, self.down, self.norm = nn.Linear(16, 64), nn.Linear(64, 16), nn.LayerNorm(16)
        self.out = nn.Linear(16, 20)

    def forward(self, x):
        h = self.tokens(x)
        return self.out(self.norm(h + self.down(torch.relu(self.up(h)))))


def batches(steps):
    """Tokens, and the next one in a fixed order."""
    successor = torch.randperm(20)
    return [(x, successor[x]) for x in torch.randint(20, (steps, 32))]


def mean_loss(model, data):
    return torch.stack([nn.functional.cross_entropy(model(x), y) for x, y in data]).mean().item()


def test_moving_from_adamw(capsys):
    names = {"model": Classifier(), "steps": 200, "batches": batches(200), "torch": torch, "fanion": fanion}
    first = mean_loss(names["model"], names["batches"])
    exec(example(), names)
    optimizer = names["optimizer"]
    assert "matrix" in capsys.readouterr().out
    assert mean_loss(names["model"], names["batches"]) < 0.1 * first
    assert [group["name"] for group in optimizer.param_groups] == ["matrix", "embedding", "head", "vectors"]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1, 0.1, 0.0]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [3e-3] * 4
    assert all(group["lr"] == 0 for group in optimizer.param_groups)  # the schedule went down to its end
    W = optimizer.param_groups[0]["params"][0]
    step = optimizer.diagnostics()["up.weight"]
    # Steps as long as AdamW's: entries of RMS 0.2·lr, Newton–Schulz reaching 0.7 to 1.2 of it.
    rms = step.update_over_weight * W.norm().item() / W.numel() ** 0.5
    assert rms == 0
    optimizer.param_groups[0]["lr"] = 3e-3
    step = optimizer.diagnostics()["up.weight"]
    rms = step.update_over_weight * W.norm().item() / W.numel() ** 0.5
    assert 0.7 * 0.2 * 3e-3 < rms < 1.2 * 0.2 * 3e-3
