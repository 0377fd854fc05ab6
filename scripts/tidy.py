"""clang-tidy on every source of some folders, several at a time; what was clean before and has not changed is skipped.

    python scripts/tidy.py BUILD lib app    # with BUILD/compile_commands.json; shows what is wrong, ends with status 1

Nearly all of a file's seconds go into libtorch's headers, so sources are read merged, as they are compiled: a few of
them by one call. What is compiled together is known to be clean by a hash of all that clang-tidy reads of this project,
the command, the checks and the versions of clang-tidy, the compiler and torch; the hashes are kept in
$XDG_CACHE_HOME/fanion/tidy.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fanion" / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
NOISE = re.compile(r"^(\d+ (warning|error).* generated|Suppressed \d+ |Use -header-filter|\d+ warnings treated as)")


def output_of(*command: str) -> str:
    """What a tool prints of its version."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@cache
def text_of(file: Path) -> str:
    """The text of a file."""
    return file.read_text()


def merged(file: Path) -> list[Path]:
    """The sources that one made by CMake includes."""
    return [Path(name) for name in INCLUDE.findall(text_of(file))]


def project_files(file: Path, folders: tuple[Path, ...]) -> set[Path]:
    """The file and all that it includes from the folders, directly or not."""
    found, left = {file}, [file]
    while left:
        here = left.pop()
        for name in INCLUDE.findall(text_of(here)):
            for folder in (here.parent, *folders):
                other = (folder / name).resolve()
                if other.is_file() and other not in found:
                    found.add(other)
                    left.append(other)
    return found


def main() -> int:
    """The exit status: 1 where clang-tidy found something."""
    build = Path(sys.argv[1]).resolve()
    entries = json.loads((build / "compile_commands.json").read_text())
    folders = (ROOT / "lib", ROOT / "app", build / "lib/include", build / "app")
    versions = (
        output_of("clang-tidy", "--version") + output_of("g++", "--version") + text_of(build / "lib/libfanion.torch")
    )
    versions += text_of(ROOT / ".clang-tidy")

    def key(file: Path, command: str) -> str:
        parts = [versions, command.replace(str(ROOT), "")]
        parts += sorted(text_of(each) for each in project_files(file, folders))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def check(file: Path) -> str:
        done = subprocess.run(["clang-tidy", "-p", build, "--quiet", file], capture_output=True, text=True)
        said = [line for line in (done.stdout + done.stderr).splitlines() if not NOISE.match(line)]
        return "\n".join(said) if done.returncode else ""

    asked: dict[Path, str] = {}
    for entry in entries:
        file = Path(entry["file"]).resolve()
        sources = [file] if file.is_relative_to(ROOT / "lib") or file.is_relative_to(ROOT / "app") else merged(file)
        if any(source.is_relative_to(ROOT / folder) for source in sources for folder in sys.argv[2:]):
            asked[file] = asked.get(file, "") + entry["command"]
    keys = {file: key(file, command) for file, command in asked.items()}
    KEPT.mkdir(parents=True, exist_ok=True)
    changed = [file for file in asked if not (KEPT / keys[file]).exists()]
    print(f"   {len(changed)} of {len(asked)} merged sources")
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, findings in zip(changed, pool.map(check, changed), strict=True):
            if findings:
                wrong += 1
                print(findings, flush=True)
            else:
                (KEPT / keys[file]).touch()
    if wrong:
        print(f"clang-tidy: something to mend in {wrong} merged sources", file=sys.stderr)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
