"""The command lines of the modules that draw."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def report(module: str, files: str, draw: Callable[[], None]) -> int:
    """Calls `draw` and returns the exit status: 0; 1 where a package is missing; 2 where the files are unusable.

    One line on standard error says what is wrong; the program relies on that for status 2.
    """
    try:
        draw()
    except ImportError as error:
        print(f"{module}: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"{module}: {error}", file=sys.stderr)
        return 2
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        print(f"{module}: {files}: damaged: {error!r}", file=sys.stderr)
        return 2
    return 0


def draw_folder(
    module: str, description: str, needs: str, draw: Callable[[Path], None], arguments: list[str] | None
) -> int:
    """Calls `draw` for the folder given; see `report`."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("folder", type=Path, help=f"with {needs}")
    given = parser.parse_args(arguments)
    return report(module, str(given.folder / needs), lambda: draw(given.folder))
