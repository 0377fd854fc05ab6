"""Parametrized, transposed and stacked weights."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import fanion


def groups_of(model, **options):
    return fanion.param_groups(model, verbose=False, **{"head": None, **options})


def names(model, **options):
    return {group["name"]: [name for name, _ in group["params"]] for group in groups_of(model, **options)}


@pytest.mark.parametrize(
    ("wrap", "direction", "magnitude"),
    [
        (parametrizations.weight_norm, "parametrizations.weight.original1", "parametrizations.weight.original0"),
        (parametrizations.spectral_norm, "parametrizations.weight.original", None),
        (parametrizations.orthogonal, "parametrizations.weight.original", None),
        (weight_norm, "weight_v", "weight_g"),
        (spectral_norm, "weight_orig", None),
        (lambda module: prune.l1_unstructured(module, "weight", 0.5), "weight_orig", None),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_reparametrized_weights_are_what_their_module_says(wrap, direction, magnitude, make):
    model = nn.Sequential(wrap(nn.Linear(6, 8)), wrap(nn.Conv2d(2, 4, 3)), wrap(nn.Linear(8, 3)))
    found = names(model)
    assert found["matrix"] == [f"{i}.{direction}" for i in range(3)]
    assert ([name for name in found["vectors"] if "bias" not in name]) == (
        [f"{i}.{magnitude}" for i in range(3)] if magnitude else []
    )
    assert names(model, head="2")["head"][0].startswith("2.")
    optimizer = make(groups_of(model))
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    optimizer.step()


def test_a_normalised_embedding_is_an_embedding():
    model = nn.Sequential(parametrizations.weight_norm(nn.Embedding(9, 4)), nn.Linear(4, 4))
    assert names(model)["embedding"] == ["0.parametrizations.weight.original1"]


def test_parametrizations_of_several_tensors_do_not_tell():
    class Product(nn.Module):
        def forward(self, U, V):
            return U @ V

        def right_inverse(self, X):
            return X[:, :2], X[:2]

    model = nn.Sequential(nn.Linear(5, 5))
    nn.utils.parametrize.register_parametrization(model[0], "weight", Product())
    with pytest.raises(ValueError, match=r"'0\.parametrizations\.weight\.original0' .* a ParametrizationList"):
        groups_of(model)


class Conv1D(nn.Module):
    """As in transformers.pytorch_utils: a linear layer that keeps its weight in × out."""

    __module__ = "transformers.pytorch_utils"

    def __init__(self, nf, nx):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))


def gpt2():
    return nn.ModuleDict({"c_attn": Conv1D(24, 8), "c_proj": Conv1D(8, 24), "fc": nn.Linear(8, 8)})


def test_conv1d_is_transposed_by_its_type():
    assert names(gpt2()) == {
        "matrix": ["fc.weight"],
        "transposed": ["c_proj.weight"],
        "packed 8+8+8 in × out": ["c_attn.weight"],
        "vectors": ["c_attn.bias", "c_proj.bias", "fc.bias"],
    }
    plain = nn.ParameterDict({"kernel": nn.Parameter(torch.randn(4, 6))})
    assert names(plain, transposed=["kern*"]) == {"transposed": ["kernel"]}
    with pytest.raises(
        ValueError, match=r"matrix=\['kernel'\] .* stored out × in, transposed=\['kernel'\] if in × out"
    ):
        names(plain)


@pytest.mark.parametrize("adjust_lr_fn", ["original", "rms_to_rms", "match_rms_adamw"])
def test_a_transposed_weight_steps_as_its_transpose(make, adjust_lr_fn):
    """Scale, direction, momentum and warm start are those of the out × in matrix."""
    transposed, plain = gpt2(), nn.ModuleDict({"c_attn": nn.Linear(8, 24), "c_proj": nn.Linear(24, 8)})
    with torch.no_grad():
        for name, linear in plain.items():
            linear.weight.copy_(transposed[name].weight.t())
    options = {"lr": 0.1, "adjust_lr_fn": adjust_lr_fn}
    ours, reference = (make(groups_of(model, split=False), **options) for model in (transposed, plain))
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        for name, linear in plain.items():
            linear.weight.grad = torch.randn(linear.weight.shape, generator=generator)
            transposed[name].weight.grad = linear.weight.grad.t().contiguous()
        ours.step()
        reference.step()
    for name, linear in plain.items():
        W, state = transposed[name].weight, ours.state[transposed[name].weight]
        assert state["momentum_buffer"].shape == W.shape
        assert W.is_contiguous()
        # Sums over another order of the same entries.
        torch.testing.assert_close(W.t(), linear.weight, rtol=0, atol=2e-5)
        expected = reference.state[linear.weight]
        torch.testing.assert_close(state["momentum_buffer"].t(), expected["momentum_buffer"])
        assert state["warm_start"].shape == expected["warm_start"].shape


def test_transposed_state_continues_from_a_checkpoint(make):
    models = [gpt2(), gpt2()]
    optimizers = [make(groups_of(model), lr=0.1) for model in models]
    for p in models[0].parameters():
        p.grad = torch.randn_like(p)
    optimizers[0].step()
    models[1].load_state_dict(models[0].state_dict())
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    for p, q in zip(models[0].parameters(), models[1].parameters(), strict=True):
        q.grad = p.grad
    for optimizer in optimizers:
        optimizer.step()
    for p, q in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (
            {"params": [nn.Parameter(torch.ones(4, 3, 2))], "transposed": True},
            r"shape \(4, 3, 2\)\)? has shape .*in × out",
        ),
        (
            {"params": [nn.Parameter(torch.ones(4, 3))], "transposed": True, "algorithm": "adamw"},
            "algorithm='adamw' and",
        ),
        ({"params": [nn.Parameter(torch.ones(4, 3))], "transposed": "yes"}, "transposed = 'yes' must be True or False"),
    ],
)
def test_what_cannot_be_transposed(group, message):
    with pytest.raises(ValueError, match=message):
        fanion.Muon([group])


class Experts(nn.Module):
    """As in Mixtral, Qwen3-MoE (E × out × in) and gpt-oss (E × in × out, with biases), of a type that nobody knows."""

    def __init__(self, in_first):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(4, *((8, 12) if in_first else (12, 8))))
        self.gate_up_proj_bias = nn.Parameter(torch.zeros(4, 12))


@pytest.mark.parametrize("in_first", [False, True])
def test_stacked_experts_are_refused_with_the_question_of_their_axes(in_first):
    model = nn.ModuleDict({"experts": Experts(in_first), "fc": nn.Linear(8, 8)})
    question = r"'experts\.gate_up_proj' of shape \(4, (8, 12|12, 8)\).* an? Experts: .* rows and columns .* 4 experts"
    for options in ({}, {"matrix": ["experts.*"]}, {"transposed": ["experts.gate_up_proj"]}):
        with pytest.raises(ValueError, match=question) as error:
            groups_of(model, **options)
        assert "Pass experts=['experts.gate_up_proj'] for a stack" in str(error.value)
        assert "or embedding=['experts.gate_up_proj'] or vectors" in str(error.value)
    assert names(model, embedding=["experts.*"])["embedding"] == ["experts.gate_up_proj", "experts.gate_up_proj_bias"]


def test_stacks_that_patterns_name(make):
    model = nn.ModuleDict({"experts": Experts(True), "fc": nn.Linear(8, 8)})
    how = {"experts": ["experts.*proj"], "transposed": ["experts.*proj"], "vectors": ["*bias"]}
    groups = groups_of(model, **how, packed={"experts.*proj": {"split_sizes": (1, 1), "interleaved": True}})
    assert [group["name"] for group in groups] == ["matrix", "experts 1+1 interleaved in × out", "vectors"]
    assert groups[1]["why"] == ["transposed=, experts=, packed="]
    optimizer = make(groups)
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    optimizer.step()
    assert set(groups_of(model, **how, options={"experts": {"lr": 0.5}})[1]["params"][0][1].shape) == {4, 8, 12}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experts": ["fc.weight"]}, r"experts matches 'fc\.weight' of shape \(24, 8\), not a stack of matrices"),
        ({"packed": {"fc.weight": 3.5}}, r"packed\['fc\.weight'\] = 3\.5 must be a number of equal matrices, a list"),
        (
            {"packed": {"fc.weight": {"heads": 2}}},
            r"packed\['fc\.weight'\] has 'heads'; it takes num_heads, or split_s",
        ),
        ({"packed": {"fc.weight": (8, 1.5)}}, r"packed\['fc\.weight'\] = 1\.5 must be a whole number"),
        ({"packed": ["fc.weight"]}, r'packed = .* must be a mapping of patterns, such as \{"\*\.qkv\.weight": 3\}'),
        ({"packed": {"e.weight": 2}}, r"packed matches 'e\.weight', which is under AdamW \(Embedding\)"),
        ({"packed": {"fc.weight": 2}, "vectors": ["fc.*"]}, "matched by patterns of both packed and vectors"),
        ({"packed": {"fc.weight": 2, "fc.w*": 3}}, "two patterns of packed, which split it differently"),
    ],
)
def test_patterns_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        groups_of(nn.ModuleDict({"fc": nn.Linear(8, 24), "e": nn.Embedding(5, 8)}), **options)


def module_of(name, where, base=nn.Module, **attributes):
    """An instance of a class of that name and module, as other libraries have it."""
    module = type(name, (base,), {"__module__": where})()
    for key, value in attributes.items():
        setattr(module, key, value)
    return module


def holdings(module):
    """Role and options of the weights of a module `m`."""
    keys = ("flatten", "transposed", "split_sizes", "interleaved")
    groups = groups_of(nn.ModuleDict({"m": module}))
    found = {n: (g["name"].split()[0], *(g[k] for k in keys if k in g)) for g in groups for n, _ in g["params"]}
    return {name.removeprefix("m."): how for name, how in found.items() if how[0] != "vectors"}


HF = "transformers.models.a.modeling_a"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ({"qkv": nn.Linear(6, 18)}, {"qkv.weight": ("packed", (6, 6, 6))}),
        ({"qkv": nn.Linear(6, 20)}, {"qkv.weight": ("matrix",)}),
        (
            {"qkv_proj": nn.Linear(6, 16), "head_dim": 2, "num_key_value_heads": 2},
            {"qkv_proj.weight": ("packed", (8, 4, 4))},
        ),
        ({"c_attn": Conv1D(18, 6)}, {"c_attn.weight": ("packed", True, (6, 6, 6))}),
        ({"c_attn": Conv1D(12, 6)}, {"c_attn.weight": ("packed", True, (6, 6))}),
        ({"gate_up_proj": nn.Linear(6, 16)}, {"gate_up_proj.weight": ("packed", (8, 8))}),
        ({"query_key_value": nn.Linear(6, 18)}, {"query_key_value.weight": ("matrix",)}),
    ],
)
def test_packed_projections_by_their_layers_name(module, expected):
    assert holdings(module_of("Attention", "somewhere", **module)) == expected


def test_packed_projections_by_the_class_that_holds_them():
    by_heads = module_of("GPTNeoXAttention", HF, query_key_value=nn.Linear(6, 18), head_size=3)
    assert holdings(by_heads) == {"query_key_value.weight": ("packed", (3, 3, 3), True)}
    assert holdings(module_of("CodeGenAttention", HF, qkv_proj=nn.Linear(6, 18))) == {"qkv_proj.weight": ("matrix",)}
    weights = {"gate_up_proj": nn.Parameter(torch.zeros(2, 8, 3)), "down_proj": nn.Parameter(torch.zeros(2, 3, 4))}
    of_mixtral = module_of("AnyExperts", HF, is_transposed=False, has_gate=True, is_concatenated=True, **weights)
    assert holdings(of_mixtral) == {"gate_up_proj": ("experts", False, (4, 4)), "down_proj": ("experts", False)}
    weights = {name: nn.Parameter(p.mT.contiguous()) for name, p in weights.items()}
    of_gpt_oss = module_of("GptOssExperts", HF, **weights, gate_up_proj_bias=nn.Parameter(torch.zeros(2, 8)))
    in_first = ("experts", False, True)
    assert holdings(of_gpt_oss) == {"gate_up_proj": (*in_first, (1, 1), True), "down_proj": in_first}
    router = module_of("AnyTopKRouter", HF, weight=nn.Parameter(torch.zeros(4, 6)))
    assert holdings(router) == {"weight": ("matrix",)}


def test_lora_factors_are_told_apart():
    factors = {
        "lora_A": nn.ModuleDict({"default": nn.Linear(6, 2, False)}),
        "lora_B": nn.ModuleDict({"default": nn.Linear(2, 8, False)}),
    }
    frozen = nn.Linear(6, 8).requires_grad_(False)
    layer = module_of("LoraLayer", "peft.tuners.lora.layer", base_layer=frozen, **factors)
    groups = groups_of(nn.ModuleDict({"q": layer}), options={"matrix": {"lr": 0.1}, "lora_B": {"lr": 0.4}})
    assert [(g["name"], g["lr"], g["why"]) for g in groups] == [
        ("lora_A", 0.1, ["A of LoRA, r × in"]),
        ("lora_B", 0.4, ["B of LoRA, out × r"]),
    ]
    assert len(names(nn.ModuleDict({"q": layer}), split=False)["matrix"]) == 2


def test_transformers():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.GPT2Config(n_layer=1, n_embd=32, n_head=2, vocab_size=101, bos_token_id=0, eos_token_id=0)
    found = names(transformers.GPT2LMHeadModel(config), head="auto")
    leaves = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert found["transposed"] == [f"transformer.h.0.{leaf}.weight" for leaf in leaves[1:]]
    assert found["packed 32+32+32 in × out"] == ["transformer.h.0.attn.c_attn.weight"]
    assert found["embedding"] == ["transformer.wte.weight", "transformer.wpe.weight"]
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    moe = {"num_key_value_heads": 2, "vocab_size": 101, "num_local_experts": 4, "pad_token_id": 0, "head_dim": 8}
    model = transformers.MixtralForCausalLM(transformers.MixtralConfig(**sizes, **moe))
    found = names(model, head="auto")
    assert found["experts 48+48"] == ["model.layers.0.mlp.experts.gate_up_proj"]
    assert found["experts"] == ["model.layers.0.mlp.experts.down_proj"]
    assert "model.layers.0.mlp.gate.weight" in found["matrix"]
    found = names(transformers.GptOssForCausalLM(transformers.GptOssConfig(**sizes, **moe)), head="auto")
    assert found["experts 1+1 interleaved in × out"] == ["model.layers.0.mlp.experts.gate_up_proj"]
    assert found["experts in × out"] == ["model.layers.0.mlp.experts.down_proj"]
    assert {f"model.layers.0.mlp.experts.{leaf}_proj_bias" for leaf in ("gate_up", "down")} <= set(found["vectors"])
    found = names(transformers.Phi3ForCausalLM(transformers.Phi3Config(**sizes, **moe)), head="auto")
    assert found["packed 32+16+16"] == ["model.layers.0.self_attn.qkv_proj.weight"]
    assert found["packed 48+48"] == ["model.layers.0.mlp.gate_up_proj.weight"]
    for tied in (False, True):
        config = transformers.LlamaConfig(**sizes, **moe | {"tie_word_embeddings": tied})
        found = names(transformers.LlamaForCausalLM(config), head="auto")
        assert len(found["matrix"]) == 7 and not found.get("transposed")
        assert found["embedding"] == ["model.embed_tokens.weight"]
        assert found.get("head") == (None if tied else ["lm_head.weight"])
    image = {"image_size": 32, "patch_size": 8, "num_labels": 10}
    vit = transformers.ViTForImageClassification(transformers.ViTConfig(**sizes, **image))
    assert names(vit, head="auto", embedding=["*position_embeddings"])["head"] == ["classifier.weight"]
