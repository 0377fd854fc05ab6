"""Which layer `head="auto"` takes."""

import pytest
from torch import nn

import fanion


class Block(nn.Module):
    def __init__(self, d, width):
        super().__init__()
        self.up = nn.Linear(d, width)
        self.down = nn.Linear(width, d)


class Gpt(nn.Module):
    """A vocabulary of 31, 2 blocks of width 24, contexts of 50, unless told otherwise."""

    def __init__(self, d=8, vocabulary=31, context=50, width=24, outputs=None, blocks=2, head_first=False):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, d)
        self.positions = nn.Embedding(context, d)
        if head_first:
            self.out = nn.Linear(d, outputs or vocabulary)
        self.blocks = nn.ModuleList(Block(d, width) for _ in range(blocks))
        if not head_first:
            self.out = nn.Linear(d, outputs or vocabulary)


def heads(model):
    groups = fanion.param_groups(model, verbose=False)
    return [name for group in groups if group["name"] == "head" for name, _ in group["params"]]


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"outputs": 32},  # padded to a multiple
        {"outputs": 128, "width": 31},  # ... and the MLP as wide as the vocabulary
        {"outputs": 64, "width": 31, "blocks": 1},
        {"context": 24},  # as many positions as the MLP is wide
        {"context": 24, "blocks": 1},
        {"context": 24, "outputs": 32},
        {"width": 31},  # the MLP as wide as the vocabulary
        {"width": 31, "context": 31},
        {"head_first": True},
    ],
)
def test_auto_finds_the_head(sizes):
    assert heads(Gpt(**sizes)) == ["out.weight"]


def test_shared_weights_come_first():
    model = Gpt(context=31)
    model.out.weight = model.positions.weight
    assert heads(model) == []
    groups = {group["name"]: group["params"] for group in fanion.param_groups(model, verbose=False)}
    assert [name for name, _ in groups["embedding"]] == ["tokens.weight", "positions.weight"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Gpt(outputs=400), r"\(31, 50\); the last Linear layer is 'out', 8 to 400. Pass head='out' .* head=None"),
        (Gpt(outputs=400, width=31), r"rows \(31, 50\) have .*: 'blocks\.0\.up', 'blocks\.1\.up'; the last .* 'out'"),
        (Gpt(outputs=400, width=31, blocks=1), r"rows \(31, 50\) have .*: 'blocks\.0\.up'; the last Linear .* 'out'"),
        (
            nn.ModuleDict({"e": nn.Embedding(24, 4), "a": nn.Linear(4, 5), "out": nn.Linear(5, 6)}),
            r"rows \(24\); .*'out'",
        ),
    ],
)
def test_auto_says_why_it_cannot_tell(model, message):
    with pytest.raises(ValueError, match=message):
        heads(model)


def test_a_name_of_no_module():
    with pytest.raises(ValueError, match=r"head='logits' names no module; .*'out'"):
        fanion.param_groups(Gpt(), head="logits")


class Vit(nn.Module):
    """Patches, a class token, positions, blocks and a classifier; no nn.Embedding."""

    def __init__(self, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.cls_token = nn.Parameter(nn.init.zeros_(nn.Linear(8, 1).weight).detach()[None])
        self.pos_embed = nn.Parameter(nn.Embedding(17, 8).weight.detach()[None])
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16) for _ in range(2))
        self.head = nn.Linear(8, classes) if classes else nn.Identity()


def test_a_vit_has_its_classifier_as_head():
    groups = {g["name"]: g["params"] for g in fanion.param_groups(Vit(), embedding=["pos_embed"], verbose=False)}
    assert [name for name, _ in groups["head"]] == ["head.weight"]
    assert [name for name, _ in groups["embedding"]] == ["pos_embed"]
    assert "cls_token" in [name for name, _ in groups["vectors"]]
    assert [name for name, _ in groups["matrix"]][:2] == ["patches.weight", "blocks.0.self_attn.out_proj.weight"]
    with pytest.raises(ValueError, match=r"'pos_embed' of shape \(1, 17, 8\).*embedding=\['pos_embed'\]"):
        fanion.param_groups(Vit(), verbose=False)


def test_without_embeddings_the_last_linear_of_its_own_shape_is_the_head(capsys):
    resnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 5))
    mlp = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    assert heads(resnet) == ["3.weight"]
    assert heads(mlp) == ["4.weight"]
    fanion.param_groups(mlp)
    assert "last Linear" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("head"))


@pytest.mark.parametrize(
    "model",
    [
        nn.Transformer(8, 2, 2, 2, 16),
        nn.Transformer(8, 2, 1, 1, 16),
        nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)),
        nn.Linear(4, 3),
        Vit(classes=0).blocks,
        nn.Conv2d(3, 4, 2),
    ],
)
def test_models_without_a_head(model):
    assert heads(model) == []
