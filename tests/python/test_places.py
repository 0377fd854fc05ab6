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
        "transposed": ["c_attn.weight", "c_proj.weight"],
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
    ours, reference = make(groups_of(transposed), **options), make(groups_of(plain), **options)
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
    """As in Mixtral, Qwen3-MoE (E × out × in) and gpt-oss (E × in × out, with biases)."""

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
        assert "Pass embedding=['experts.gate_up_proj'] or vectors" in str(error.value)
    assert names(model, embedding=["experts.*"])["embedding"] == ["experts.gate_up_proj", "experts.gate_up_proj_bias"]


def test_transformers():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.GPT2Config(n_layer=1, n_embd=32, n_head=2, vocab_size=101, bos_token_id=0, eos_token_id=0)
    found = names(transformers.GPT2LMHeadModel(config), head="auto")
    leaves = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert found["transposed"] == [f"transformer.h.0.{leaf}.weight" for leaf in leaves]
    assert found["embedding"] == ["transformer.wte.weight", "transformer.wpe.weight"]
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    moe = {"num_key_value_heads": 2, "vocab_size": 101, "num_local_experts": 4, "pad_token_id": 0, "head_dim": 8}
    for kind in ("Mixtral", "GptOss"):
        config = getattr(transformers, f"{kind}Config")(**sizes, **moe)
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
        with pytest.raises(ValueError, match=r"experts\.gate_up_proj' of shape .*rows and columns"):
            names(model, matrix=["*gate.weight", "*experts*"] if kind == "Mixtral" else ["*experts*"])
    for tied in (False, True):
        config = transformers.LlamaConfig(**sizes, **moe | {"tie_word_embeddings": tied})
        found = names(transformers.LlamaForCausalLM(config), head="auto")
        assert len(found["matrix"]) == 7 and not found.get("transposed")
        assert found["embedding"] == ["model.embed_tokens.weight"]
        assert found.get("head") == (None if tied else ["lm_head.weight"])
    image = {"image_size": 32, "patch_size": 8, "num_labels": 10}
    vit = transformers.ViTForImageClassification(transformers.ViTConfig(**sizes, **image))
    assert names(vit, head="auto", embedding=["*position_embeddings"])["head"] == ["classifier.weight"]
