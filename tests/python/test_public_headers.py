"""The installed C++ headers: the public ones, each of which compiles alone against the installed tree."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanion._library import PACKAGE
from fanion_program.built_for import torch_folder

INCLUDE = PACKAGE / "include"
SOURCES = Path(__file__).parents[2] / "lib"
FOLDERS = ("fanion", "fanion/distributed", "fanion/linalg", "fanion/norms", "fanion/optim", "fanion/theory")

pytestmark = pytest.mark.skipif(not INCLUDE.is_dir(), reason="the package is not installed, only linked")


def installed():
    return sorted(str(header.relative_to(INCLUDE)) for header in INCLUDE.rglob("*.h"))


def test_the_headers_of_the_public_folders_are_installed_and_no_others():
    public = {str(header.relative_to(SOURCES)) for folder in FOLDERS for header in (SOURCES / folder).glob("*.h")}
    assert set(installed()) == public | {"fanion/version.h"}
    assert not list(INCLUDE.rglob("*.cpp"))


def test_no_public_header_includes_a_private_one():
    present = set(installed())
    for header in present:
        for name in re.findall(r'#include [<"](fanion/[^">]+)[">]', (INCLUDE / header).read_text()):
            assert name in present, f"{header} includes {name}, which is not installed"


def test_the_program_includes_public_headers_alone():
    present = set(installed())
    for file in (SOURCES.parent / "app").rglob("*.[ch]*"):
        for name in re.findall(
            r'#include [<"](fanion/[^">]+)[">]', file.read_text() if file.suffix in (".h", ".cpp") else ""
        ):
            assert name in present, f"{file} includes {name}, which is not public"


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_every_public_header_compiles_alone(tmp_path):
    # libtorch's own headers take seconds to read: once, into a precompiled header.
    torch = torch_folder() / "include"
    command = ["g++", "-std=c++20", "-isystem", torch, "-isystem", torch / "torch/csrc/api/include", "-I", INCLUDE]
    (tmp_path / "torch.h").write_text("#include <ATen/core/Generator.h>\n#include <torch/optim/optimizer.h>\n")
    subprocess.run([*command, "-x", "c++-header", tmp_path / "torch.h", "-o", tmp_path / "torch.h.gch"], check=True)

    def errors(header):
        alone = tmp_path / (header.replace("/", "-") + ".cpp")
        alone.write_text(f"#include <{header}>\n#include <{header}>\n")
        done = subprocess.run(
            [*command, "-Winvalid-pch", "-include", tmp_path / "torch.h", "-fsyntax-only", alone],
            capture_output=True,
            text=True,
        )
        return "" if done.returncode == 0 else f"{header}: {done.stderr[:2000]}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert not "".join(pool.map(errors, installed()))
