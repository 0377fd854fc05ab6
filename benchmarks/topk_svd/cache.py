"""The git-ignored folder of what is made once: exact triplets, tuned settings, matrices of a training."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FANION_BENCH_CACHE", Path(__file__).parents[1] / ".cache"))


def path(name: str) -> Path:
    """A file of the folder, which is made if missing."""
    file = FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def read_json(name: str) -> dict[str, Any]:
    """An object kept before; empty where there is none."""
    file = path(name)
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def strict(value: Any) -> Any:
    """The value with null for infinities and NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: strict(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(name: str, content: Mapping[str, Any]) -> None:
    """Keeps an object, whole or not at all."""
    file = path(name)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(file)
