"""find_package(fanion) from a project of one's own: examples/cpp builds against the installed package and runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "cpp"


def test_example_builds_and_trains(tmp_path):
    cmake = Path(sys.executable).parent / "cmake"
    cmake = str(cmake) if cmake.is_file() else shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    prefix = subprocess.run(
        [sys.executable, "-m", "fanion", "--cmake-prefix"], check=True, capture_output=True, text=True
    ).stdout.strip()

    configure = [cmake, "-S", EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Debug"]
    for command in (configure, [cmake, "--build", tmp_path]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    out = subprocess.run([tmp_path / "train_mlp"], check=True, capture_output=True, text=True).stdout

    losses = [float(line.split()[-1]) for line in out.splitlines()]
    assert len(losses) == 5
    assert losses[-1] < 0.25 * losses[0]
