"""docs/adding-an-experiment.md: its example compiles as it is printed."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
COMMANDS = REPOSITORY / os.environ.get("BUILD", "build") / "compile_commands.json"


@pytest.mark.skipif(not COMMANDS.is_file(), reason="the program was built elsewhere")
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_example_compiles(tmp_path):
    page = (REPOSITORY / "docs" / "adding-an-experiment.md").read_text()
    blocks = re.findall(r"^## [^\n]*`app/(\S+)`$.*?^```cpp$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    blocks = blocks[:2]  # the third is the line in the registry
    assert [name.split(".")[-1] for name, _ in blocks] == ["h", "cpp"]
    for name, code in blocks:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    # The flags of the program's own files; -fsyntax-only instead of code.
    command = next(c["command"] for c in json.loads(COMMANDS.read_text()) if "fanion_app.dir" in c["command"])
    folders = re.findall(r"(-I|-isystem) ?(\S+)", command)
    flags = [*(part for folder in folders for part in folder), "-I", tmp_path, "-std=c++20"]
    compiled = subprocess.run(
        [shlex.split(command)[0], *flags, "-fsyntax-only", tmp_path / blocks[1][0]], capture_output=True, text=True
    )
    assert compiled.returncode == 0, compiled.stderr[:3000]
