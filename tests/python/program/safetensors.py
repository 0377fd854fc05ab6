"""A strict reader of the safetensors format, written from its definition rather than from our writer."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

ITEM_BYTES = {"F64": 8, "F32": 4, "BF16": 2, "I64": 8}


@dataclass(frozen=True)
class StoredTensor:
    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Checkpoint:
    tensors: dict[str, StoredTensor]
    metadata: dict[str, str]


def split(raw: bytes) -> tuple[dict, bytes]:
    """Header and data of a file."""
    length = int.from_bytes(raw[:8], "little")
    assert 2 <= length <= min(len(raw) - 8, 100_000_000)
    header = raw[8 : 8 + length]
    assert header[:1] == b"{", "a header starts with a brace"
    assert header.rstrip(b" ")[-1:] == b"}", "a header is padded with spaces alone"
    assert (8 + length) % 8 == 0, "the data must be aligned"
    return json.loads(header), raw[8 + length :]


def read(path: Path) -> Checkpoint:
    header, data = split(path.read_bytes())
    metadata = header.pop("__metadata__", {})
    assert all(isinstance(value, str) for value in metadata.values())
    tensors = {}
    position = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        assert set(entry) == {"dtype", "shape", "data_offsets"}
        begin, end = entry["data_offsets"]
        assert begin == position, f"{name}: the data must have neither holes nor overlaps"
        assert end - begin == math.prod(entry["shape"]) * ITEM_BYTES[entry["dtype"]], name
        tensors[name] = StoredTensor(entry["dtype"], tuple(entry["shape"]), data[begin:end])
        position = end
    assert position == len(data), "the tensors must cover the data"
    return Checkpoint(tensors, metadata)
