"""How these tests start the program, watch it, and read what it leaves."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from . import safetensors

# The smallest run with several validations and checkpoints. One thread, so that tests do not fight for the cores.
TINY = {
    "layers": 1,
    "width": 32,
    "head-width": 16,
    "context": 32,
    "batch": 4,
    "steps": 20,
    "eval-every": 5,
    "eval-batches": 1,
    "checkpoint-every": 3,
    "threads": 1,
}
# Some 0.4 s of steps on an idle machine: long enough to be stopped in the middle.
LONG = TINY | {"steps": 160, "eval-every": 20, "checkpoint-every": 7}

CONSOLE_SCRIPT = Path(sys.executable).parent / "fanion"
TIMEOUT = 240  # seconds; a tiny run takes less than one, and other work may have the processor


def executable() -> Path:
    """The binary that the console script hands over to, which saves importing torch at every start."""
    spec = importlib.util.find_spec("fanion")
    if spec is not None and spec.origin is not None:
        binary = Path(spec.origin).parent / "bin" / "fanion"
        if binary.is_file():
            return binary
    assert CONSOLE_SCRIPT.exists(), f"{CONSOLE_SCRIPT} is missing: install the package into this environment"
    return CONSOLE_SCRIPT


def flags(options: dict) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


# A stand-in for Python, so that comparisons need not wait for matplotlib; the tests of plots run the real one.
NO_PLOTS = {"FANION_PYTHON": "true"}
PLOTS = {"FANION_PYTHON": sys.executable}
# Sampling takes every core, and threads that wait for each other are slow beside the other work of a test machine.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def start(*arguments: object, cwd: Path, env: dict | None = None, **pipes: object) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"} | pipes
    command = [str(executable()), *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, env=os.environ | ONE_THREAD | (env or NO_PLOTS), **pipes)


def fanion(
    *arguments: object, cwd: Path, env: dict | None = None, timeout: float = TIMEOUT
) -> subprocess.CompletedProcess:
    process = start(*arguments, cwd=cwd, env=env)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def train(run: Path, options: dict | None = None, experiment: str = "gpt", **more: object) -> Path:
    """A whole run in the folder `run`; `more` are options with underscores for dashes."""
    options = (TINY if options is None else options) | {name.replace("_", "-"): value for name, value in more.items()}
    result = fanion("train", experiment, "--out", run, *flags(options), cwd=run.parent)
    assert result.returncode == 0, result.stderr
    return run


def resume(run: Path, experiment: str = "gpt") -> subprocess.CompletedProcess:
    result = fanion("train", experiment, "--resume", run, cwd=run.parent)
    assert result.returncode == 0, result.stderr
    return result


def last_step(run: Path) -> int:
    """The last step in a run's metrics so far, -1 without any; a line being written does not count."""
    try:
        lines = (run / "metrics.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return -1
    return json.loads(lines[-1])["step"] if lines else -1


def stop(process: subprocess.Popen, number: signal.Signals) -> tuple[str, str]:
    """Sends a signal and waits for the end. SIGKILL must be what ended it."""
    assert process.poll() is None, f"ended before it could be stopped: {process.communicate()}"
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    return out, err


def wait_for_step(process: subprocess.Popen, run: Path, step: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while last_step(run) < step:
        assert process.poll() is None, f"ended before step {step}: {process.communicate()}"
        assert time.monotonic() < deadline, f"did not reach step {step}"
        time.sleep(0.001)


def metrics(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run: Path) -> list[float]:
    """Training losses of steps 1, 2, …"""
    return [line["loss"] for line in metrics(run) if "loss" in line]


def validation_losses(run: Path) -> list[float]:
    return [line["validation_loss"] for line in metrics(run) if "validation_loss" in line]


def config(run: Path) -> dict:
    return json.loads((run / "config.json").read_text())


def checkpoint(run: Path) -> safetensors.Checkpoint:
    return safetensors.read(run / "checkpoint.safetensors")


def assert_same(run: Path, other: Path) -> None:
    """Metrics equal byte for byte and every tensor bit for bit (seconds in the metadata may differ)."""
    assert (run / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    ours, theirs = checkpoint(run), checkpoint(other)
    assert ours.tensors.keys() == theirs.tensors.keys()
    assert [name for name in ours.tensors if ours.tensors[name] != theirs.tensors[name]] == []
    assert ours.metadata["step"] == theirs.metadata["step"]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its bytes (None for folders)."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(tmp_path: Path, *arguments: object, words: Iterable[str] = ()) -> str:
    """Runs the program, which must refuse and leave everything under tmp_path as it was."""
    before = snapshot(tmp_path)
    result = fanion(*arguments, cwd=tmp_path)
    assert result.returncode > 0, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("fanion: ")
    for word in words:
        assert word in lines[0]
    assert result.stdout == ""
    after = snapshot(tmp_path)
    assert sorted(after) == sorted(before)
    assert after == before
    return lines[0]


def without_plots() -> str:
    """Why plots cannot be drawn here; empty if they can."""
    for module in ["fanion.figures.runs", "matplotlib"]:
        try:
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed"
        except ImportError as error:
            return f"{module} is not installed: {error}"
    return ""
