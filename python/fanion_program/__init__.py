"""The console script `fanion`: hands over to the C++ program that is installed in the package fanion.

A package of its own, so that the program starts without importing torch.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn


def program_path() -> Path:
    """Where bin/fanion belongs, inside the package fanion."""
    spec = find_spec("fanion")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("fanion: the package fanion is not installed")
    return Path(spec.submodule_search_locations[0]) / "bin" / "fanion"


def main() -> NoReturn:
    """Replaces this process by bin/fanion with the same arguments.

    The program finds this interpreter, which it runs for plots, in FANION_PYTHON.
    Exits with a message that names the path if the program is missing or cannot be started.
    """
    program = program_path()
    if not program.is_file():
        sys.exit(f"fanion: the program is missing: {program}; this installation has the library only")
    os.environ["FANION_PYTHON"] = sys.executable
    try:
        os.execv(program, [str(program), *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"fanion: {program} does not start: {error}")
