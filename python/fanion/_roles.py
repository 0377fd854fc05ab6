"""What each parameter of a model is for, read off the type of the module that holds it, never off its name."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from fanion._places import Owned, Place

ROLES = ("matrix", "transposed", "embedding", "head", "vectors")
RULE_ROLES = ("matrix", "transposed")
"""Roles whose parameters follow the matrix rule; the others follow AdamW."""

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


def role_of(entry: Owned, heads: Mapping[str, str]) -> Role:
    """The role of a parameter. `heads`: names of the head modules, and why they are.

    Less than two dimensions, no entries, and all of a norm layer: "vectors". Else, where it is held at several places,
    the first that one of them has of: "embedding", "head", "vectors", "matrix" or "transposed". What no module's type
    tells is in "vectors" if all its dimensions but one are 1.
    """
    if entry.parameter.ndim < 2 or entry.parameter.numel() == 0:
        return Role("vectors", "1-D" if entry.parameter.ndim < 2 else "empty")
    roles = dict(_role_at(place, heads) for place in reversed(entry.places))
    if "matrix" in roles and "transposed" in roles:
        return Role(None, "")
    for role in ("embedding", "head", "vectors", "matrix", "transposed"):
        if role in roles:
            return Role(role, roles[role])
    return Role("vectors", "1-D") if sum(size > 1 for size in entry.parameter.shape) <= 1 else Role(None, "")


def _role_at(place: Place, heads: Mapping[str, str]) -> Role:
    module, is_weight = place.module, place.attribute == "weight"
    if place.module_name in heads:
        return Role("head", heads[place.module_name])
    if place.is_magnitude:
        return Role("vectors", "weight_norm")
    if is_weight and _is_transposed_linear(module):
        return Role("transposed", "Conv1D")
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
