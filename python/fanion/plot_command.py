"""The command line of the modules that draw one folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def draw_folder(
    module: str, description: str, needs: str, draw: Callable[[Path], None], arguments: list[str] | None
) -> int:
    """Calls `draw` for the folder given; one line on standard error and 1 where the pictures cannot be drawn."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("folder", type=Path, help=f"with {needs}")
    given = parser.parse_args(arguments)
    try:
        draw(given.folder)
    except (ImportError, OSError, ValueError, KeyError) as error:
        print(f"{module}: {error!r}", file=sys.stderr)
        return 1
    return 0
