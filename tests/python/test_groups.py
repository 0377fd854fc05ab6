import re

import pytest
import torch
from torch import nn

import fanion


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.attn = nn.MultiheadAttention(d, 2, add_bias_kv=True)
        self.norm = nn.LayerNorm((3, d))  # its weight has two dimensions
        self.embed_head = nn.Linear(d, 3 * d)  # a hidden layer, whatever its name says
        self.down = nn.Linear(3 * d, d)


class Gpt(nn.Module):
    def __init__(self, d=8, vocabulary=31, tied=False, positions=False):
        super().__init__()
        self.layer0 = nn.Embedding(vocabulary, d)
        self.blocks = nn.ModuleList(Block(d) for _ in range(2))
        self.out = nn.Linear(d, vocabulary)
        if tied:
            self.out.weight = self.layer0.weight
        if positions:
            self.pos = nn.Parameter(torch.zeros(16, d))


def names(groups):
    return {group["name"]: [name for name, _ in group["params"]] for group in groups}


def quiet(model, **options):
    return fanion.param_groups(model, verbose=False, **options)


def test_modules_decide():
    groups = quiet(Gpt())
    found = names(groups)
    assert found["embedding"] == ["layer0.weight"]
    assert found["head"] == ["out.weight"]
    assert found["matrix"] == [
        f"blocks.{i}.{leaf}" for i in range(2) for leaf in ("attn.out_proj.weight", "embed_head.weight", "down.weight")
    ]
    assert found["packed 8+8+8"] == ["blocks.0.attn.in_proj_weight", "blocks.1.attn.in_proj_weight"]
    assert "out.bias" in found["vectors"]
    assert "blocks.0.norm.weight" in found["vectors"]
    assert "blocks.0.attn.bias_k" in found["vectors"]
    assert [group["algorithm"] for group in groups] == ["lmo", "lmo", "adamw", "adamw", "adamw"]
    assert "blocks.0.attn.in_proj_weight" in names(quiet(Gpt(), split=False))["matrix"]
    assert "blocks.0.attn.in_proj_weight" in names(quiet(Gpt(), matrix=["*in_proj_weight"]))["matrix"]


@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_once(tied):
    model = Gpt(tied=tied)
    grouped = [id(p) for group in quiet(model) for _, p in group["params"]]
    assert sorted(grouped) == sorted(map(id, model.parameters()))


def test_tied_head_is_the_embedding():
    found = names(quiet(Gpt(tied=True)))
    assert found["embedding"] == ["layer0.weight"]
    assert "head" not in found
    assert names(quiet(Gpt(tied=True), head=None))["embedding"] == ["layer0.weight"]


def test_optimizers_take_the_groups(make):
    model = Gpt()
    groups = quiet(
        model, adamw={"betas": (0.8, 0.9)}, options={"vectors": {"weight_decay": 0.0}, "matrix": {"lr": 0.5}}
    )
    optimizer = make(groups, lr=0.1, adamw_lr=0.2)
    by_name = {group["name"]: group for group in optimizer.param_groups}
    assert [by_name[role]["lr"] for role in ("matrix", "embedding", "head", "vectors")] == [0.5, 0.2, 0.2, 0.2]
    own = optimizer.defaults["weight_decay"]
    assert [by_name[role]["weight_decay"] for role in ("matrix", "head", "vectors")] == [own, 0.01, 0.0]
    plain = {group["name"]: group for group in make(quiet(Gpt()), adamw_weight_decay=0.3).param_groups}
    assert [plain[role]["weight_decay"] for role in ("embedding", "head", "vectors")] == [0.3, 0.3, 0.0]
    assert {group["name"]: group for group in quiet(Gpt(), adamw={"weight_decay": 0.2})}["vectors"][
        "weight_decay"
    ] == 0.2
    assert by_name["head"]["betas"] == (0.8, 0.9)
    assert by_name["head"]["param_names"] == ["out.weight"]
    assert "momentum" not in by_name["head"]
    assert "betas" not in by_name["matrix"]
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    model.layer0.weight.grad[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"layer0\.weight"):
        optimizer.step()


def test_no_head_and_named_heads():
    assert "out.weight" in names(quiet(Gpt(), head=None))["matrix"]
    assert names(quiet(Gpt(), head="blocks.1.down"))["head"] == ["blocks.1.down.weight"]
    assert names(quiet(Gpt(), head=["out", "blocks.1.down"]))["head"] == ["blocks.1.down.weight", "out.weight"]
    inner = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))
    assert names(quiet(inner, head="1"))["head"] == ["1.0.weight", "1.1.weight"]


def test_unknown_module_types_are_refused():
    with pytest.raises(ValueError, match=r"'pos' of shape \(16, 8\).*the model itself, a Gpt.*embedding=\['pos'\]"):
        quiet(Gpt(positions=True))
    for module in (nn.Bilinear(2, 3, 4), nn.ConvTranspose2d(2, 3, 4)):
        with pytest.raises(ValueError, match=f"module 'm', a {type(module).__name__}"):
            quiet(nn.ModuleDict({"m": module}))
        assert names(quiet(nn.ModuleDict({"m": module}), matrix=["m.weight"]))["matrix"] == ["m.weight"]


def test_patterns_come_first():
    found = names(quiet(Gpt(positions=True), embedding=["pos", "blocks.*.down.weight"], vectors=["*.attn.in_proj*"]))
    assert found["embedding"] == ["pos", "layer0.weight", "blocks.0.down.weight", "blocks.1.down.weight"]
    assert "blocks.0.attn.in_proj_weight" in found["vectors"]
    with pytest.raises(ValueError, match=r"matrix=\['w\*'\] matches no parameter"):
        quiet(Gpt(), matrix=["w*"])
    with pytest.raises(ValueError, match=r"'out\.bias' of shape \(31,\), not a matrix"):
        quiet(Gpt(), matrix=["out.*"])
    with pytest.raises(ValueError, match=r"'out\.weight' is matched by patterns of both matrix and embedding"):
        quiet(Gpt(), matrix=["out.weight"], embedding=["out*"])
    with pytest.raises(ValueError, match=r"must be a list of patterns, such as \['pos'\]"):
        quiet(Gpt(positions=True), matrix="pos")
    with pytest.raises(
        ValueError, match="no group 'bias'; choose from: matrix, transposed, packed, experts, lora_A, lora_B, emb"
    ):
        quiet(Gpt(), options={"bias": {}})


def test_convolutions_and_recurrent_layers():
    model = nn.ModuleDict({"c": nn.Conv2d(3, 8, 3), "n": nn.BatchNorm2d(8), "r": nn.LSTM(8, 4), "g": nn.GRUCell(4, 4)})
    found = names(quiet(model))
    weights = ["c.weight", "r.weight_ih_l0", "r.weight_hh_l0", "g.weight_ih", "g.weight_hh"]
    assert found == {"matrix": weights, "vectors": [n for n, _ in model.named_parameters() if n not in weights]}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_parameters_without_entries_are_no_matrices(make):
    model = nn.ModuleDict({"none": nn.Linear(0, 5), "some": nn.Linear(4, 5), "no": nn.Conv2d(3, 0, 2)})
    found = names(quiet(model, head=None))
    assert found["matrix"] == ["some.weight"]
    assert {"none.weight", "no.weight"} <= set(found["vectors"])
    with pytest.raises(ValueError, match=r"'none\.weight' of shape \(5, 0\), not a matrix"):
        quiet(model, head=None, matrix=["none.weight"])
    optimizer = make(quiet(model, head=None))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    optimizer.diagnostics()


def test_frozen_parameters_are_left_out_and_reported(capsys):
    model = Gpt(positions=True)
    model.pos.requires_grad_(False)
    model.layer0.weight.requires_grad_(False)
    groups = fanion.param_groups(model)
    assert "embedding" not in names(groups)
    left_out = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("left out"))
    assert "pos, layer0.weight" in left_out
    for p in model.parameters():
        p.requires_grad_(False)
    with pytest.raises(ValueError, match="Gpt has no parameter with requires_grad=True"):
        quiet(model)


def test_only_a_model_is_taken():
    model = Gpt()
    for given in (model.parameters(), list(model.named_parameters()), model.out.weight):
        with pytest.raises(TypeError, match=f"got {type(given).__name__}: param_groups\\(model\\), not "):
            quiet(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"adamw": {"learning_rate": 1}},
            "adamw has no option 'learning_rate'; it takes: betas, eps, lr, nonfinite, weig",
        ),
        ({"adamw": {"beta": (0.9, 0.99)}}, r"adamw has no option 'beta' \(did you mean 'betas'\?\)"),
        ({"adamw": {"momentum": 0.9}}, "adamw has no option 'momentum'"),
        ({"options": {"vectors": {"wd": 1}}}, r"options\['vectors'\] has no option 'wd'; it takes: betas"),
        ({"options": {"head": {"nesterov": True}}}, r"options\['head'\] has no option 'nesterov'"),
        ({"options": {"matrix": {"betas": (0.9, 0.99)}}}, r"options\['matrix'\] has no option 'betas'; .* momentum, "),
        ({"options": {"transposed": {"ns_step": 3}}}, r"\(did you mean 'ns_steps'\?\)"),
    ],
)
def test_unknown_options_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        quiet(Gpt(), **given)


def test_known_options_of_every_optimizer_are_taken():
    matrix = {
        "lr": 1,
        "k": 2,
        "alpha": 0.5,
        "residual": "clip",
        "svd": "dense",
        "ns_steps": 3,
        "rule": "nsgd",
        "eps": 0,
    }
    groups = quiet(Gpt(), options={"matrix": matrix, "vectors": {"eps": 1e-6, "nonfinite": "skip"}})
    assert matrix.items() <= groups[0].items()
    assert groups[-1]["eps"] == 1e-6


def test_table(capsys):
    fanion.param_groups(Gpt(), options={"head": {"lr": 3e-4}})
    lines = [re.split("  +", line) for line in capsys.readouterr().out.splitlines()]
    assert [line[:7] for line in lines] == [
        ["group", "algorithm", "because of", "lr", "decay", "tensors", "entries"],
        ["matrix", "lmo", "Linear", "lr", "weight_decay", "6", "896"],
        ["packed 8+8+8", "lmo", "Q, K, V of MultiheadAttention", "lr", "weight_decay", "2", "384"],
        ["embedding", "adamw", "Embedding", "adamw_lr", "adamw_weight_decay", "1", "248"],
        ["head", "adamw", "last Linear, a vocabulary wide", "0.0003", "adamw_weight_decay", "1", "248"],
        ["vectors", "adamw", "1-D, MultiheadAttention, LayerNorm", "adamw_lr", "0", "17", "287"],
    ]
    assert "2 of 8×8, 2 of 24×8, 2 of 8×24" in lines[1]
    assert lines[2][-2:] == ["2 of 24×8", "blocks.*.attn.in_proj_weight"]
    quiet(Gpt())
    assert capsys.readouterr().out == ""


def test_table_of_an_optimizer():
    groups = quiet(Gpt(), matrix=["blocks.0.down.weight"], options={"head": {"lr": 3e-4}})
    optimizer = fanion.FNeon(groups, lr=0.02, adamw_lr=5e-3, adjust_lr_fn="rms_to_rms", alpha=0.3)
    optimizer.add_param_group(
        {"params": [("added", nn.Parameter(torch.zeros(4, 6)))], "lr": 0.25, "adjust_lr_fn": None}
    )
    lines = [re.split("  +", line) for line in optimizer.table().splitlines()]
    assert [line[:3] for line in lines[:2]] == [
        ["group", "rule", "scale"],
        ["matrix", "f-neon:alpha=0.3,svd=subspace", "rms_to_rms"],
    ]
    assert [line[-6:-4] for line in lines] == [
        ["lr", "decay"],
        ["0.02", "0.1"],
        ["0.02", "0.1"],
        ["0.005", "0.01"],
        ["0.0003", "0.01"],
        ["0.005", "0"],
        ["0.25", "0.1"],
    ]
    assert [line[0] for line in lines[1:]] == ["matrix", "packed 8+8+8", "embedding", "head", "vectors", "5"]
    optimizer.param_groups[0]["lr"] = 1e-3
    assert optimizer.table().splitlines()[1].split()[3] == "0.001"


def test_table_of_every_parameter():
    groups = quiet(Gpt(), packed={"blocks.0.down.weight": 2}, options={"head": {"lr": 3e-4}})
    optimizer = fanion.FNeon(groups, lr=0.02, adjust_lr_fn="rms_to_rms")
    lines = [re.split("  +", line) for line in optimizer.table(each=True).splitlines()]
    assert lines[0] == ["parameter", "group", "matrices", "rule", "norm", "scale", "lr", "decay", "because of"]
    by_name = {line[0]: line[1:] for line in lines[1:]}
    assert list(by_name) == [name for group in groups for name, _ in group["params"]]
    rule, norm = "f-neon:alpha=0.5,svd=subspace", "alpha*neon + (1-alpha)*nsgd"
    packed = by_name["blocks.1.attn.in_proj_weight"]
    assert packed == ["packed 8+8+8", "3 of 8×8", rule, norm, "1", "0.02", "0.1", "Q, K, V of MultiheadAttention"]
    assert by_name["blocks.1.embed_head.weight"] == ["matrix", "24×8", rule, norm, "1.732", "0.02", "0.1", "Linear"]
    assert by_name["blocks.0.down.weight"][:2] == ["packed 2 heads", "2 of 4×24"]
    assert by_name["out.bias"] == ["vectors", "31", "adamw", "0.001", "0", "1-D"]
    saved = optimizer.state_dict()
    for group in saved["param_groups"]:
        del group["why"]  # of an older version
    optimizer.load_state_dict(saved)
    assert by_name == {
        line[0]: line[1:] for line in (re.split("  +", row) for row in optimizer.table(each=True).splitlines()[1:])
    }
