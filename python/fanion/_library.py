"""Finds and loads the C++ library; `ops` are its functions (lib/fanion/torch_ops.cpp)."""

from pathlib import Path

import torch

PACKAGE = Path(__file__).parent
LIBRARY = PACKAGE / "lib" / "libfanion.so"
TORCH = "2.13"  # libfanion is linked against this version's C++ interface, which changes with every minor version


def load() -> None:
    """Registers the library's operators as torch.ops.fanion.*.

    ImportError where torch is not 2.13.x, or the library is missing or does not load; it names the path.
    """
    if ".".join(torch.__version__.split(".")[:2]) != TORCH:
        raise ImportError(
            f"fanion was built for torch {TORCH}.x, this is torch {torch.__version__} at {torch.__file__}"
        )
    if not LIBRARY.is_file():
        raise ImportError(f"fanion's C++ library is missing: {LIBRARY}; install the package again")
    try:
        torch.ops.load_library(LIBRARY)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ImportError(f"fanion's C++ library does not load: {LIBRARY}: {error}") from error


load()
ops = torch.ops.fanion
