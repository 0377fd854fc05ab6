"""Which torch libfanion was built for, and which is here; found without importing torch."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path


def torch_folder() -> Path | None:
    """The folder of the package torch, or None where there is none."""
    spec = find_spec("torch")
    return Path(spec.submodule_search_locations[0]) if spec is not None and spec.submodule_search_locations else None


def torch_version(folder: Path) -> str:
    """What the package in `folder` says of itself, as "2.13.0+cpu"."""
    found = re.search(r"^__version__ = ['\"](.+)['\"]", (folder / "version.py").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{folder / 'version.py'} has no __version__")
    return found[1]


def complaint(library: Path, version: str, folder: Path | None) -> str | None:
    """Why `library` cannot work with torch `version` in `folder`, and what to do; None where it can.

    libtorch's C++ interface changes with every minor version, and with no other.
    """
    record = library.resolve().with_suffix(".torch")
    if not record.is_file():
        return f"fanion's C++ library is not whole, {record} is missing; install the package again"
    built = record.read_text().strip()
    minor = ".".join(built.split(".")[:2])
    if version.split(".")[:2] == minor.split("."):
        return None
    return (
        f"fanion was built for torch {built}, this is torch {version} in {folder}; build fanion again for this torch, "
        f"from its sources: pip install --force-reinstall --no-deps --no-build-isolation . or install torch {minor}"
    )
