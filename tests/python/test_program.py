"""The package around the library: loading it, and handing over to the program."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import fanion
from fanion import _library
from fanion._library import LIBRARY


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_version_and_exports():
    assert fanion.__version__ == torch.ops.fanion.version()
    assert all(hasattr(fanion, name) for name in fanion.__all__)


def test_cmake_prefix():
    result = python("-m", "fanion", "--cmake-prefix")
    assert (result.returncode, result.stdout) == (0, f"{Path(fanion.__file__).parent}\n")
    assert result.stdout.strip() == fanion.cmake_prefix_path


def package_with(folder, program=None):
    """What `package_folder` returns in place of the package: a folder with its library, and this text for a program."""
    for part in ("lib", "bin"):
        (folder / part).mkdir()
    for name in (LIBRARY.name, LIBRARY.with_suffix(".torch").name):
        (folder / "lib" / name).symlink_to(LIBRARY.resolve().with_name(name))
    if program is not None:
        (folder / "bin" / "fanion").write_text(program)
        (folder / "bin" / "fanion").chmod(0o755)
    return folder


def started(package):
    """Python code that runs the console script as if the package were there."""
    return f"import pathlib, fanion_program as f; f.package_folder = lambda: pathlib.Path({str(package)!r}); f.main()"


def test_program_gets_the_arguments_and_the_interpreter(tmp_path):
    package = package_with(tmp_path, '#!/bin/sh\necho "$FANION_PYTHON" "$@"\nexit 7\n')
    result = python("-c", started(package), "train", "a b", "--help")
    assert (result.returncode, result.stdout) == (7, f"{sys.executable} train a b --help\n")


def test_program_starts_without_torch():
    code = (
        "import os, sys, fanion_program; os.execv = lambda *a: sys.exit('torch' in sys.modules); fanion_program.main()"
    )
    assert python("-c", code).returncode == 0


@pytest.mark.parametrize("program, message", [(None, "the program is missing"), ("no program", "does not start")])
def test_missing_and_broken_program(tmp_path, program, message):
    result = python("-c", started(package_with(tmp_path, program)))
    assert result.returncode == 1
    assert message in result.stderr
    assert str(tmp_path / "bin" / "fanion") in result.stderr


def test_missing_and_broken_library(tmp_path, monkeypatch):
    monkeypatch.setattr(_library, "LIBRARY", tmp_path / "libfanion.so")
    with pytest.raises(ImportError, match=f"library is missing: {tmp_path}"):
        _library.load()
    (tmp_path / "libfanion.so").write_text("not a library")
    with pytest.raises(ImportError, match=f"not whole, {tmp_path}/libfanion.torch is missing"):
        _library.load()
    (tmp_path / "libfanion.torch").write_text(torch.__version__)
    with pytest.raises(ImportError, match=f"does not load: {tmp_path}"):
        _library.load()
