"""What each parameter of a model is for, read off the type of the module that holds it, never off its name."""

from dataclasses import dataclass, field

from torch import nn
from torch.nn import Parameter

ROLES = ("matrix", "embedding", "head", "vectors")

_NORM_LAYERS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Several matrices stacked along the rows, one per gate or projection.
_STACKED = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)


@dataclass
class Owned:
    """A parameter with every place it is held at; the first name is the one `model.named_parameters()` gives."""

    parameter: Parameter
    places: list[tuple[str, str, nn.Module]] = field(default_factory=list)
    """Name of the parameter, name of the module that holds it, that module."""

    @property
    def name(self) -> str:
        """The first name."""
        return self.places[0][0]

    @property
    def names(self) -> list[str]:
        """All names."""
        return [name for name, _, _ in self.places]


def owned_parameters(model: nn.Module) -> list[Owned]:
    """Every parameter once, in the order of `model.parameters()`."""
    owned: dict[int, Owned] = {}
    for module_name, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            name = f"{module_name}.{leaf}" if module_name else leaf
            owned.setdefault(id(parameter), Owned(parameter)).places.append((name, module_name, module))
    return list(owned.values())


def role_of(entry: Owned, heads: set[str]) -> str | None:
    """The role of a parameter; None where its module's type does not tell. `heads`: names of the head modules.

    Less than two dimensions, and all of a norm layer: "vectors". Else, where it is held at several places, the first
    that one of them has of: "embedding", "head", "matrix".
    """
    if entry.parameter.ndim < 2:
        return "vectors"
    roles = {_role_at(entry.parameter, module_name in heads, module) for _, module_name, module in entry.places}
    return next((role for role in ("embedding", "head", "vectors", "matrix") if role in roles), None)


def _role_at(parameter: Parameter, in_head: bool, module: nn.Module) -> str | None:
    if in_head:
        return "head"
    if isinstance(module, _NORM_LAYERS):
        return "vectors"
    if isinstance(module, _EMBEDDINGS) and parameter is module.weight:
        return "embedding"
    if isinstance(module, (nn.Linear, *_CONVOLUTIONS)) and parameter is module.weight:
        return "matrix"
    if isinstance(module, nn.MultiheadAttention) and (parameter is module.bias_k or parameter is module.bias_v):
        return "vectors"  # (1, 1, E)
    return "matrix" if isinstance(module, _STACKED) else None


def auto_heads(model: nn.Module) -> set[str]:
    """Names of the Linear layers that are the head, as seen from the model's embeddings.

    Those whose weight an embedding shares; without any, the one with as many outputs as an embedding has rows.
    ValueError, with what to pass instead, where that names none or several.
    """
    embeddings = [module for module in model.modules() if isinstance(module, _EMBEDDINGS)]
    linears = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    tied = {name for name, linear in linears if any(linear.weight is e.weight for e in embeddings)}
    if tied or not linears:
        return tied
    rows = {e.num_embeddings for e in embeddings}
    matching = [name for name, linear in linears if linear.out_features in rows]
    if len(matching) == 1:
        return set(matching)
    if matching:
        why = f"these Linear layers have as many outputs as an embedding has rows: {', '.join(map(repr, matching))}"
    elif embeddings:
        why = f"no Linear layer has as many outputs as an embedding has rows ({', '.join(map(str, sorted(rows)))})"
    else:
        why = "the model has no embedding to compare with"
    last = matching[-1] if matching else linears[-1][0]
    raise ValueError(
        f"head='auto' cannot tell which layer is the head: {why}. Pass head={last!r} for an AdamW group of its own "
        f"({'the last of them' if matching else 'the last Linear layer'}), another name, a list of names, or "
        "head=None to give every layer to the matrix rule"
    )
