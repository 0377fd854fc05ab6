"""What each parameter of a model is for, read off the types of the modules that hold it."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from fanion._packed import is_of_experts
from fanion._places import Owned, Place

RULE_ROLES = ("matrix", "transposed", "packed", "experts", "lora_A", "lora_B")
"""Roles whose parameters follow the matrix rule; the others follow AdamW."""
ROLES = (*RULE_ROLES, "embedding", "head", "vectors")

NORM_LAYERS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Several matrices stacked along the rows, one per gate or projection.
_STACKED = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
# Weights of more than two dimensions that are one matrix, the first dimension by all others.
_ONE_MATRIX = (nn.modules.conv._ConvNd, nn.Bilinear, *_STACKED)


# Role, types of modules, and whether it is that of their weight alone.
_KINDS = (
    ("vectors", NORM_LAYERS, False),
    ("embedding", EMBEDDINGS, True),
    ("matrix", (nn.Linear, *CONVOLUTIONS), True),
    ("matrix", _STACKED, False),
)


class Role(NamedTuple):
    """What a parameter is for; None where nothing tells. And what tells it, in a few words."""

    name: str | None
    why: str


_LORA = {
    "lora_A": Role("lora_A", "A of LoRA, r × in"),
    "lora_B": Role("lora_B", "B of LoRA, out × r"),
    "lora_embedding_A": Role("embedding", "A of an embedding's LoRA"),
    "lora_embedding_B": Role("lora_B", "B of an embedding's LoRA"),
}


def role_of(entry: Owned, heads: Mapping[str, str], model: nn.Module) -> Role:
    """The role of a parameter. `heads`: names of the head modules, and why they are.

    Less than two dimensions, no entries, and all of a norm layer: "vectors". Else, where it is held at several places,
    the first that one of them has of: "embedding", "head", "vectors", "lora_A", "lora_B", "experts", "matrix" or
    "transposed". What no module's type tells is in "vectors" if all its dimensions but one are 1.
    """
    if entry.parameter.ndim < 2 or entry.parameter.numel() == 0:
        return Role("vectors", "1-D" if entry.parameter.ndim < 2 else "empty")
    roles = dict(_role_at(place, entry.parameter.ndim, heads, model) for place in reversed(entry.places))
    if "matrix" in roles and "transposed" in roles:
        return Role(None, "")
    for role in ("embedding", "head", "vectors", "lora_A", "lora_B", "experts", "matrix", "transposed"):
        if role in roles:
            return Role(role, roles[role])
    return Role("vectors", "1-D") if sum(size > 1 for size in entry.parameter.shape) <= 1 else Role(None, "")


def _role_at(place: Place, dimensions: int, heads: Mapping[str, str], model: nn.Module) -> Role:
    module, is_weight = place.module, place.attribute == "weight"
    if place.module_name in heads:
        return Role("head", heads[place.module_name])
    if place.is_magnitude:
        return Role("vectors", "weight_norm")
    factor = _lora_factor(model, place)
    if factor is not None:
        return factor
    if is_weight and _is_transposed_linear(module):
        return Role("transposed", "Conv1D")
    if is_of_experts(module) and dimensions <= 3:
        if dimensions == 3:
            return Role("experts", "experts")  # how they stand there says _packed.py
        return Role("vectors", "biases of experts") if place.attribute.endswith("bias") else Role(None, "")
    if is_weight and _is_router(module):
        return Role("matrix", "router")
    if isinstance(module, nn.MultiheadAttention) and place.attribute in ("bias_k", "bias_v"):
        return Role("vectors", "MultiheadAttention")  # (1, 1, E)
    for role, kinds, weight_only in _KINDS:
        for kind in kinds:
            if isinstance(module, kind) and (is_weight or not weight_only):
                return Role(role, kind.__name__.strip("_"))
    return Role(None, "")


def is_one_matrix(entry: Owned) -> bool:
    """Whether its first dimension by all others is the matrix that a rule can take it for."""
    return entry.parameter.ndim == 2 or any(isinstance(place.module, _ONE_MATRIX) for place in entry.places)


def _is_transposed_linear(module: nn.Module) -> bool:
    """Hugging Face's Conv1D, a linear layer whose weight is in × out. transformers need not be there."""
    return any(c.__name__ == "Conv1D" and c.__module__ == "transformers.pytorch_utils" for c in type(module).__mro__)


def _is_router(module: nn.Module) -> bool:
    """Of Hugging Face's mixtures of experts: a linear layer, experts × in, that is a class of its own."""
    kinds = type(module).__mro__
    return any(c.__name__.endswith("Router") and c.__module__.startswith("transformers.models.") for c in kinds)


def _lora_factor(model: nn.Module, place: Place) -> Role | None:
    """A (r × in) or B (out × r) of PEFT's LoRA layers. A of an embedding, r × vocabulary, is one too."""
    parts = [*place.module_name.split("."), place.attribute]
    if "lora_" not in place.module_name:
        return None
    for depth, part in enumerate(parts):
        if part in _LORA:
            owner = model.get_submodule(".".join(parts[:depth]))
            is_lora = any(c.__name__ == "LoraLayer" and c.__module__.startswith("peft.") for c in type(owner).__mro__)
            return _LORA[part] if is_lora else None
    return None


_AXES = (
    "its type does not tell which axes are the rows and columns of a matrix and which count matrices, as the {axis} "
    "experts of a stack would; taken as {axis} rows it would get other directions, much too small. Pass "
    "experts=[{name!r}] for a stack of matrices stored out × in, transposed=[{name!r}] too if they are in × out, or "
    "embedding=[{name!r}] or vectors=[{name!r}] for AdamW"
)


def question_of_axes(entry: Owned) -> str:
    """Shape, holder, and what to pass, of a parameter of more than two dimensions that no type explains."""
    shape = tuple(entry.parameter.shape)
    return f"{shape}, {_held_by(entry)}: {_AXES.format(name=entry.name, axis=shape[0])}"


def cannot_tell(entry: Owned) -> str:
    """What is to be said of one whose module's type does not tell what it is for."""
    name, shape = entry.name, tuple(entry.parameter.shape)
    if not is_one_matrix(entry):
        return f"parameter '{name}' of shape {shape} is {_held_by(entry)}: {_AXES.format(name=name, axis=shape[0])}"
    return (
        f"parameter '{name}' of shape {shape} is {_held_by(entry)}, whose type does not tell what it is for; pass "
        f"matrix=[{name!r}] for the matrix rule if it is stored out × in, transposed=[{name!r}] if in × out, or "
        f"embedding=[{name!r}] or vectors=[{name!r}] for AdamW"
    )


def _held_by(entry: Owned) -> str:
    place = entry.places[0]
    where = f"module '{place.module_name}'" if place.module_name else "the model itself"
    return f"held by {where}, a {type(place.module).__name__}"
