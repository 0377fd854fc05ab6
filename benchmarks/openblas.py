"""OpenBLAS's own choice of kernels, whatever the environment pins; imported before numpy is.

OPENBLAS_CORETYPE is set on some machines, for equal bits everywhere, to kernels that are not the fastest of the
processor (Haswell's on one with AVX-512 cost wide products a factor of 1.6). OpenBLAS reads it when it is loaded.
"""

from __future__ import annotations

import os
import sys

PINNED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def start_unpinned(module: str) -> None:
    """Starts `python -m module` again without the variables that pin kernels, where they are set."""
    if any(os.environ.get(name) for name in PINNED):
        free = {name: value for name, value in os.environ.items() if name not in PINNED}
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], free)
