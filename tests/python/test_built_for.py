"""Another torch than the one libfanion was built for: every entrance refuses it in one line that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fanion._library import LIBRARY, PACKAGE
from fanion_program.built_for import complaint, torch_folder, torch_version

BUILT = LIBRARY.resolve().with_suffix(".torch").read_text().strip()
MINOR = ".".join(BUILT.split(".")[:2])
OTHERS = ("2.8.0", "3.0.1+cu140", "1.13.1")


def refused(text, version):
    assert f"built for torch {BUILT.split('+')[0]}" in text
    assert f"this is torch {version} in " in text
    assert "pip install --force-reinstall" in text
    assert f"install torch {MINOR}" in text


def fake_torch(folder, version, name="torch"):
    """A package of that version, with the libraries of the real one."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (made / "version.py").write_text(f"from typing import Optional\n\n__version__ = '{version}'\ndebug = False\n")
    for part in ("lib", "include"):
        (made / part).symlink_to(torch_folder() / part)
    return made


def test_version_is_read_without_importing(tmp_path):
    assert torch_version(torch_folder()) == torch.__version__
    assert torch_version(fake_torch(tmp_path, "2.14.0a0+git12ab")) == "2.14.0a0+git12ab"


@pytest.mark.parametrize("version", [*OTHERS, f"{MINOR}0.1"])
def test_another_minor_version_is_complained_of(version):
    refused(complaint(LIBRARY, version, PACKAGE), version)


@pytest.mark.parametrize("suffix", [".0", ".7", ".0+cu130", ".0a0+git12ab"])
def test_builds_of_the_same_minor_version_pass(suffix):
    assert complaint(LIBRARY, MINOR + suffix, PACKAGE) is None


def test_a_library_without_its_record_is_not_whole(tmp_path):
    (tmp_path / "libfanion.so").touch()
    assert "install the package again" in complaint(tmp_path / "libfanion.so", torch.__version__, None)


@pytest.mark.parametrize("version", OTHERS)
def test_import_is_refused(version):
    code = f"import torch; torch.__version__ = '{version}'; import fanion"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    refused(last, version)


@pytest.mark.parametrize("version", OTHERS)
def test_the_script_refuses(version, tmp_path):
    fake_torch(tmp_path, version)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    code = "import fanion_program; fanion_program.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "rules"], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    refused(done.stderr, version)


@pytest.mark.parametrize("version", [*OTHERS, BUILT])
def test_the_program_itself_refuses(version, tmp_path):
    libraries = fake_torch(tmp_path, version) / "lib"
    done = subprocess.run(
        [PACKAGE / "bin" / "fanion", "--version"],
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    if version == BUILT:
        assert done.returncode == 0
        return
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    refused(done.stderr, version)


def test_the_supported_range_is_what_the_documents_say():
    root = Path(__file__).parents[2]
    line = next(t for t in (root / "pyproject.toml").read_text().splitlines() if t.startswith("supported = "))
    low, after = (bound.lstrip("<>=") for bound in line.split('"')[1].split(","))
    last = f"2.{int(after.split('.')[1]) - 1}"
    for document in ("README.md", "CONTRIBUTING.md"):
        assert f"torch {low} to {last}" in (root / document).read_text(), document
