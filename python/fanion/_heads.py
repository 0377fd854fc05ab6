"""Which modules are a model's head."""

from collections import Counter
from collections.abc import Sequence

from torch import nn

from fanion._roles import CONVOLUTIONS, EMBEDDINGS

# Heads are made wider than the vocabulary so that their width is a multiple of 64 or 128.
_PADDING = 128

Named = tuple[str, nn.Linear]
Embedding = nn.Embedding | nn.EmbeddingBag


def heads_of(model: nn.Module, head: str | Sequence[str] | None) -> dict[str, str]:
    """Names of the head's modules, those inside it too, and why they are. ValueError: a name of no module."""
    if head == "auto":
        names, why = _auto_heads(model)
    else:
        names, why = set() if head is None else {head} if isinstance(head, str) else set(head), "head="
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        if name not in modules:
            linears = [repr(n) for n, module in modules.items() if isinstance(module, nn.Linear)]
            raise ValueError(
                f"head={name!r} names no module; the last Linear layers are {', '.join(linears[-3:]) or 'none'}"
            )
    # A module that is held at several places is known by its first name, and a head includes what it contains.
    inside = {id(part) for name in names for part in modules[name].modules()}
    return {name: why for name, module in model.named_modules() if id(module) in inside}


def _auto_heads(model: nn.Module) -> tuple[set[str], str]:
    """The head's Linear layers as seen from the model's embeddings, and what tells them.

    Those whose weight an embedding shares. Without any: the last Linear layer, if it has as many outputs as an
    embedding has rows, or up to 127 more, and is one of a kind: outside the blocks of a ModuleList, and of a shape of
    its own or in no numbered place. Else the only layer of its kind with as many outputs as an embedding has rows, if
    the last one is hidden, its outputs being as wide as an embedding.
    ValueError, with what to pass instead, where that tells none. A model without embeddings: the last Linear layer if
    it is outside such blocks, no other has its shape and there are other matrices; else there is no head.
    """
    embeddings = [module for module in model.modules() if isinstance(module, EMBEDDINGS)]
    linears = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    tables = [id(e._parameters["weight"]) for e in embeddings if e._parameters.get("weight") is not None]
    tied = {name for name, linear in linears if id(linear._parameters.get("weight")) in tables}
    if tied or not linears:
        return tied, "tied"
    last_name, last = linears[-1]
    shapes = Counter(_shape(linear) for _, linear in linears)
    in_blocks = _names_in_blocks(model)
    if not embeddings:
        others = len(linears) > 1 or any(isinstance(module, CONVOLUTIONS) for module in model.modules())
        single = others and shapes[_shape(last)] == 1 and last_name not in in_blocks
        return ({last_name} if single else set()), "last Linear"

    def one_of_a_kind(name: str, linear: nn.Linear) -> bool:
        numbered = any(part.isdigit() for part in name.split("."))
        return name not in in_blocks and (shapes[_shape(linear)] == 1 or not numbered)

    matching = [named for named in linears if any(named[1].out_features == e.num_embeddings for e in embeddings)]
    own_kind = [named for named in matching if one_of_a_kind(*named)]
    if one_of_a_kind(last_name, last) and (linears[-1] in matching or any(_padded(last, e) for e in embeddings)):
        return {last_name}, "last Linear, a vocabulary wide"
    if len(own_kind) == 1 and any(last.out_features == e.embedding_dim for e in embeddings):
        return {own_kind[0][0]}, "Linear, a vocabulary wide"
    raise ValueError(_cannot_tell(embeddings, linears, matching))


def _names_in_blocks(model: nn.Module) -> set[str]:
    """Names of the modules inside an entry of a ModuleList."""
    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    blocks = [f"{name}.{i}." if name else f"{i}." for name, module in lists for i in range(len(module))]
    return {name for name, _ in model.named_modules() if name.startswith(tuple(blocks))}


def _padded(linear: nn.Linear, embedding: Embedding) -> bool:
    surplus = linear.out_features - embedding.num_embeddings
    return linear.in_features == embedding.embedding_dim and 0 < surplus < _PADDING


def _shape(linear: nn.Linear) -> tuple[int, int]:
    return linear.out_features, linear.in_features


def _cannot_tell(embeddings: Sequence[Embedding], linears: Sequence[Named], matching: Sequence[Named]) -> str:
    rows = ", ".join(map(str, sorted({e.num_embeddings for e in embeddings})))
    if matching:
        names = ", ".join(repr(name) for name, _ in matching)
        why = f"as many outputs as an embedding has rows ({rows}) have these Linear layers: {names}"
    else:
        why = f"no Linear layer has as many outputs as an embedding has rows ({rows})"
    last_name, last = linears[-1]
    return (
        f"head='auto' cannot tell which layer is the head: {why}; the last Linear layer is {last_name!r}, "
        f"{last.in_features} to {last.out_features}. Pass head={last_name!r} for an AdamW group of its own, another "
        "name, a list of names, or head=None to give every layer to the matrix rule"
    )
