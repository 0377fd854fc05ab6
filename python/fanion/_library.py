"""Finds and loads the C++ library; `ops` are its functions (lib/fanion/torch_ops.cpp)."""

from pathlib import Path

import torch

from fanion_program.built_for import complaint

PACKAGE = Path(__file__).parent
LIBRARY = PACKAGE / "lib" / "libfanion.so"


def load() -> None:
    """Registers the library's operators as torch.ops.fanion.*.

    ImportError where the library is missing, was built for another torch or does not load; it says what to do.
    """
    if not LIBRARY.is_file():
        raise ImportError(f"fanion's C++ library is missing: {LIBRARY}; install the package again")
    wrong = complaint(LIBRARY, torch.__version__, Path(torch.__file__).parent)
    if wrong is not None:
        raise ImportError(wrong)
    try:
        torch.ops.load_library(LIBRARY)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ImportError(f"fanion's C++ library does not load: {LIBRARY}: {error}") from error


load()
ops = torch.ops.fanion
