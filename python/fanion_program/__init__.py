"""The console script `fanion`: hands over to the C++ program that is installed in the package fanion.

A package of its own, so that the program starts without importing torch.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from fanion_program.built_for import complaint, torch_folder, torch_version


def package_folder() -> Path:
    """Where the package fanion is."""
    spec = find_spec("fanion")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("fanion: the package fanion is not installed")
    return Path(spec.submodule_search_locations[0])


def main() -> NoReturn:
    """Replaces this process by bin/fanion with the same arguments.

    The program finds this interpreter, which it runs for plots, in FANION_PYTHON, and this interpreter's torch.
    Exits with a message if there is no torch, or one that the program was not built for, and with one that names the
    path if the program is missing or cannot be started.
    """
    package = package_folder()
    program = package / "bin" / "fanion"
    if not program.is_file():
        sys.exit(f"fanion: the program is missing: {program}; this installation has the library only")
    torch = torch_folder()
    if torch is None:
        sys.exit(f"fanion: {sys.executable} has no torch, whose libraries the program needs; install the package again")
    wrong = complaint(package / "lib" / "libfanion.so", torch_version(torch), torch)
    if wrong is not None:
        sys.exit(f"fanion: {wrong}")
    os.environ["FANION_PYTHON"] = sys.executable
    if torch.parent != package.parent:  # elsewhere than bin/fanion looks for it, as in an environment over another one
        paths = [str(torch / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        os.environ["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)
    try:
        os.execv(program, [str(program), *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"fanion: {program} does not start: {error}")
