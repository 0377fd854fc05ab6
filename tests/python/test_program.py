"""The package around the library: loading it, and handing over to the program."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import fanion
from fanion import _library


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_version_and_exports():
    assert fanion.__version__ == torch.ops.fanion.version()
    assert all(hasattr(fanion, name) for name in fanion.__all__)


def test_cmake_prefix():
    result = python("-m", "fanion", "--cmake-prefix")
    assert (result.returncode, result.stdout) == (0, f"{Path(fanion.__file__).parent}\n")
    assert result.stdout.strip() == fanion.cmake_prefix_path


def started(program):
    """Python code that runs the console script with another program in place of bin/fanion."""
    return f"import pathlib, fanion_program as f; f.program_path = lambda: pathlib.Path({str(program)!r}); f.main()"


def test_program_gets_the_arguments_and_the_interpreter(tmp_path):
    program = tmp_path / "fanion"
    program.write_text('#!/bin/sh\necho "$FANION_PYTHON" "$@"\nexit 7\n')
    program.chmod(0o755)
    result = python("-c", started(program), "train", "a b", "--help")
    assert (result.returncode, result.stdout) == (7, f"{sys.executable} train a b --help\n")


def test_program_starts_without_torch():
    code = "import sys, fanion_program; fanion_program.program_path(); sys.exit('torch' in sys.modules)"
    assert python("-c", code).returncode == 0


def test_missing_and_broken_program(tmp_path):
    broken = tmp_path / "fanion"
    broken.write_text("not a program")
    for path, message in [(tmp_path / "none", "the program is missing"), (broken, "does not start")]:
        result = python("-c", started(path))
        assert result.returncode == 1
        assert message in result.stderr
        assert str(path) in result.stderr


def test_missing_and_broken_library(tmp_path, monkeypatch):
    monkeypatch.setattr(_library, "LIBRARY", tmp_path / "libfanion.so")
    with pytest.raises(ImportError, match=f"library is missing: {tmp_path}"):
        _library.load()
    (tmp_path / "libfanion.so").write_text("not a library")
    with pytest.raises(ImportError, match=f"does not load: {tmp_path}"):
        _library.load()


def test_other_torch(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.12.1+cpu")
    with pytest.raises(ImportError, match=r"built for torch 2\.13\.x, this is torch 2\.12\.1\+cpu"):
        _library.load()
