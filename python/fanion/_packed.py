"""Which parameters hold several matrices: packed projections, experts; read off the modules that hold them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from fanion._places import Place


class Holding(NamedTuple):
    """How a parameter holds its matrices: step options (split_sizes, flatten, …), and what tells it, in a few words."""

    options: Mapping[str, Any]
    why: str


# Names of layers whose outputs are queries, keys and values one after the other: timm, nanoGPT, Hugging Face, MPT.
_QKV = ("qkv", "qkv_proj", "Wqkv", "c_attn")
# Of these classes of Hugging Face every head has its own three, or an order of its own (None).
_BY_HEADS = {
    "BloomAttention": "query_key_value",
    "GPTNeoXAttention": "query_key_value",
    "GPTNeoXJapaneseAttention": "query_key_value",
    "PersimmonAttention": "query_key_value",
    "MiniMaxLightningAttention": "qkv_proj",
}
_OF_THEIR_OWN = ("CodeGenAttention", "GPTBigCodeAttention", "FalconAttention", "DebertaDisentangledSelfAttention")
# Stacks of experts whose class does not say how: in × out, and whether gate and up alternate.
_STACKS = {
    ("transformers", "GptOssExperts"): (True, True),
    ("transformers", "Llama4TextExperts"): (True, False),
    ("torchtitan", "GroupedExperts"): (False, False),
}


def stack_of(place: Place, shape: tuple[int, ...]) -> Holding | None:
    """How a stack of experts stands in a parameter of three dimensions, where the module's type tells."""
    how = _stack(place.module)
    if how is None or len(shape) != 3:
        return None
    transposed, alternates = how
    options: dict[str, Any] = {"flatten": False} | ({"transposed": True} if transposed else {})
    why = f"experts of {type(place.module).__name__}"
    if place.attribute == "gate_up_proj" and getattr(place.module, "has_gate", True):
        half = shape[2 if transposed else 1] // 2
        options |= {"split_sizes": (1, 1), "interleaved": True} if alternates else {"split_sizes": (half, half)}
        why += ", gate and up"
    return Holding(options, why)


def is_of_experts(module: nn.Module) -> bool:
    """Whether a module's type is that of a stack of experts."""
    return _stack(module) is not None


def _stack(module: nn.Module) -> tuple[bool, bool] | None:
    """Whether they are in × out, and whether gate and up alternate."""
    transposed, gate = getattr(module, "is_transposed", None), getattr(module, "has_gate", None)
    if isinstance(transposed, bool) and isinstance(gate, bool):  # transformers from 5.0 on
        return transposed, not getattr(module, "is_concatenated", True)
    for kind in type(module).__mro__:
        found = _STACKS.get((kind.__module__.split(".")[0], kind.__name__))
        if found is not None:
            return found
    return None


def split_of(model: nn.Module, place: Place, rows: int, columns: int) -> Holding | None:
    """How the rows (out) of a matrix are packed, where the module that holds it or its name and owner tell."""
    if isinstance(place.module, nn.MultiheadAttention):
        if place.attribute != "in_proj_weight":
            return None
        return Holding({"split_sizes": (rows // 3,) * 3}, "Q, K, V of MultiheadAttention")
    *above, leaf = place.module_name.removesuffix(".base_layer").split(".")  # which PEFT calls what it wraps
    if place.attribute != "weight" or not leaf:
        return None
    owner = model.get_submodule(".".join(above))
    kinds = {kind.__name__ for kind in type(owner).__mro__}
    if leaf == "gate_up_proj" and rows % 2 == 0:
        return Holding({"split_sizes": (rows // 2, rows // 2)}, "gate, up")
    if by_heads := [kind for kind in kinds if _BY_HEADS.get(kind) == leaf]:
        size = _number(owner, "head_dim", "head_size")
        if size is not None and rows % (3 * size) == 0:
            return Holding({"split_sizes": (size,) * 3, "interleaved": True}, f"Q, K, V by heads of {by_heads[0]}")
        return None
    if leaf not in _QKV or kinds & set(_OF_THEIR_OWN):
        return None
    sizes = _qkv_sizes(owner, rows, columns)
    if sizes is None:
        return None
    return Holding({"split_sizes": sizes}, "K, V" if len(sizes) == 2 else "Q, K, V")


def _qkv_sizes(owner: nn.Module, rows: int, columns: int) -> tuple[int, ...] | None:
    """Sizes of queries, keys and values: with fewer heads of keys where the owner says so, else thirds."""
    size = _number(owner, "head_dim", "head_size")
    heads = _number(owner, "num_key_value_heads", "num_kv_heads", "n_kv_heads")
    if size is not None and heads is not None and 0 < 2 * size * heads < rows:
        kv = size * heads
        return (rows - 2 * kv, kv, kv) if (rows - 2 * kv) % kv == 0 else None
    if rows == 2 * columns:  # GPT-2's cross-attention
        return (columns, columns)
    return (rows // 3,) * 3 if rows % 3 == 0 else None


def _number(owner: nn.Module, *names: str) -> int | None:
    """The first of these attributes that is a whole number."""
    for name in names:
        value = getattr(owner, name, None)
        if isinstance(value, int):
            return value
    return None
