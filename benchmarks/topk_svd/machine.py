"""What was measured with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_info

PACKAGES = ("fanion", "torch", "numpy", "scipy", "scikit-learn", "primme")


def description(threads: int) -> dict[str, Any]:
    """Processor, load, threads, commit, versions, and the BLAS that each library has loaded."""
    if importlib.util.find_spec("primme"):
        importlib.import_module("primme")  # so that its BLAS is loaded, listed here and limited to the threads
    blas = [f"{i['internal_api']} {i['version']} ({i.get('architecture', '?')}, {i['num_threads']} threads): "
            f"{Path(i['filepath']).parent.name}" for i in threadpool_info() if i["user_api"] == "blas"]  # fmt: skip
    return {
        "processor": _processor(),
        "load before": list(os.getloadavg()),
        "threads": threads,
        "commit": _commit(),
        "versions": {name: _version(name) for name in PACKAGES},
        "blas": [*blas, f"torch: {'MKL' if torch._C.has_mkl else 'no MKL'}"],
    }


def _commit() -> str:
    """Of the repository, with "-dirty" where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line] if (
        info.is_file()
    ) else []  # fmt: skip
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()
