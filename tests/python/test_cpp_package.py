"""find_package(fanion) from a project of one's own: examples/cpp builds against the installed package and runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fanion_program.built_for import torch_folder

EXAMPLE = Path(__file__).parents[2] / "examples" / "cpp"
CMAKE = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")

pytestmark = pytest.mark.skipif(CMAKE is None, reason="cmake is not installed")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def configure():
    """configure(build folder, options…): CMake's run on the example."""
    prefix = run(sys.executable, "-m", "fanion", "--cmake-prefix").stdout.strip()
    return lambda folder, *options: run(
        CMAKE, "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Debug", *options
    )


def test_example_builds_and_trains(configure, tmp_path):
    configured = configure(tmp_path)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    built = run(CMAKE, "--build", tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    out = run(tmp_path / "train_mlp").stdout

    losses = [float(line.split()[-1]) for line in out.splitlines()]
    assert len(losses) == 5
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize("version", ["2.8.0", "2.99.1+cu140", "3.0.0"])
@pytest.mark.parametrize("where", ["FANION_TORCH_DIR", "TORCH_INSTALL_PREFIX"])
def test_another_torch_is_refused(configure, version, where, tmp_path):
    other = tmp_path / "torch"
    other.mkdir()
    (other / "version.py").write_text(f"__version__ = '{version}'\n")
    for part in ("lib", "include"):
        (other / part).symlink_to(torch_folder() / part)
    configured = configure(tmp_path / "build", f"-D{where}={other}")
    said = " ".join(configured.stderr.split())
    assert configured.returncode != 0
    assert f"this is torch {version} in {other}" in said
    assert "was built for torch" in said
    assert "pip install --force-reinstall" in said


def test_a_folder_without_torch_is_refused(configure, tmp_path):
    configured = configure(tmp_path / "build", f"-DFANION_TORCH_DIR={tmp_path}")
    assert configured.returncode != 0
    assert "is no torch package" in " ".join(configured.stderr.split())
