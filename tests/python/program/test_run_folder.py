"""What a run leaves in its folder, what decides it, and what the program shows of it."""

import itertools
import json
import math
import re
import struct
import subprocess
from pathlib import Path

import pytest
import torch

from .running import (
    CONSOLE_SCRIPT,
    TIMEOUT,
    TINY,
    checkpoint,
    config,
    fanion,
    flags,
    losses,
    metrics,
    train,
    validation_losses,
)


def test_console_script():
    # Elsewhere the tests start the binary itself.
    result = subprocess.run([CONSOLE_SCRIPT, "--version"], capture_output=True, text=True, timeout=TIMEOUT)
    assert result.returncode == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", result.stdout)


def test_files(finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        "checkpoint.safetensors",
        "config.json",
        "metrics.jsonl",
        "timings.jsonl",
    ]


def test_config_keeps_how_newton_schulz_ran(tmp_path):
    run = train(tmp_path / "muon", TINY | {"optimizer": "f-muon", "steps": 2})
    recorded = config(run)
    assert recorded["newton_schulz"]
    assert set(recorded["newton_schulz"].values()) == {"float32, direct"}  # below 256 rows, on every processor
    other = dict.fromkeys(recorded["newton_schulz"], "bfloat16, gram")
    (run / "config.json").write_text(json.dumps(recorded | {"newton_schulz": other}))
    result = fanion("train", "gpt", "--resume", run, cwd=tmp_path)
    assert result.returncode == 0
    assert "float32, direct" in result.stderr and "not to the bits" in result.stderr
    assert config(run)["newton_schulz"] == other


def test_config(finished):
    recorded = config(finished)
    keys = {"schema", "experiment", "options", "figure", "version", "commit", "machine", "data", "newton_schulz"}
    assert set(recorded) == keys
    assert (recorded["schema"], recorded["experiment"]) == (2, "gpt")
    assert [q["key"] for q in recorded["figure"]["quantities"]] == ["validation_loss"]
    assert set(recorded["data"]) == {"data"}
    assert recorded["data"]["data"]["bytes"] == Path(recorded["options"]["data"]).stat().st_size
    version = fanion("--version", cwd=finished.parent).stdout.strip()
    assert recorded["version"] == version
    assert re.fullmatch(r"[0-9a-f]{12}|unknown", recorded["commit"])
    machine = recorded["machine"]
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert machine["torch"] == torch.__version__.partition("+")[0]
    assert machine["instruction_set"]

    options = recorded["options"]
    for name, value in TINY.items():
        assert options[name.replace("-", "_")] == value
    # Resolved: the tuned rate, the shipped text, and every default.
    assert options["optimizer"] == "muon"
    assert options["lr"] > 0
    assert options["seed"] == 0
    assert Path(options["data"]).is_absolute()
    assert Path(options["data"]).name == "tinyshakespeare.txt"
    shown = set(re.findall(r"--([a-z0-9_]+)[ ,]", fanion("train", "gpt", "--help", cwd=finished.parent).stdout))
    of_the_call = {"help", "config", "out", "resume", "timeout"}
    assert set(options) == {name for name in shown if "-" not in name} - of_the_call


def test_threads_are_resolved(tmp_path):
    run = train(tmp_path / "run", threads=0, steps=1)
    assert config(run)["options"]["threads"] == config(run)["machine"]["cores"]


def test_metrics(finished):
    lines = metrics(finished)
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 21))
    assert [line["step"] for line in lines if "validation_loss" in line] == [0, 5, 10, 15, 20]
    assert all(set(line) in ({"step", "loss"}, {"step", "validation_loss"}) for line in lines)
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
    # The head starts at zero: every byte is equally likely.
    assert losses(finished)[0] == pytest.approx(math.log(256), rel=1e-6)
    assert validation_losses(finished)[-1] < losses(finished)[0] - 1


def test_timings(finished):
    lines = [json.loads(line) for line in (finished / "timings.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 5, 10, 15, 20]
    assert all(set(line) == {"step", "seconds", "optimizer_seconds"} for line in lines)
    for name in ["seconds", "optimizer_seconds"]:
        values = [line[name] for line in lines]
        assert values[0] == 0
        assert all(earlier < later for earlier, later in itertools.pairwise(values))
    assert all(line["optimizer_seconds"] <= line["seconds"] for line in lines)


def test_checkpoint(finished):
    stored = checkpoint(finished)  # reads strictly by the format's definition
    model = {name: t for name, t in stored.tensors.items() if name.startswith("model.")}
    state = {name: t for name, t in stored.tensors.items() if name.startswith("optimizer.")}
    assert len(model) + len(state) == len(stored.tensors)
    assert stored.metadata["step"] == "20"

    matrices = {"attention.q": (32, 32), "attention.k": (32, 32), "attention.v": (32, 32), "attention.out": (32, 32)}
    matrices |= {"mlp.up": (128, 32), "mlp.down": (32, 128)}
    assert {name: t.shape for name, t in model.items()} == {
        "model.embedding": (256, 32),
        "model.norm_in": (32,),
        "model.blocks.0.norm1": (32,),
        "model.blocks.0.norm2": (32,),
        "model.norm_out": (32,),
        "model.head": (256, 32),
    } | {f"model.blocks.0.{name}": shape for name, shape in matrices.items()}
    buffers = sorted(t.shape for name, t in state.items() if name.endswith("momentum_buffer"))
    assert buffers == sorted(matrices.values())
    assert {t.dtype for t in stored.tensors.values()} == {"F32"}
    for name, tensor in stored.tensors.items():
        assert all(math.isfinite(x) for (x,) in struct.iter_unpack("<f", tensor.data)), name
    assert any(tensor != bytes(len(tensor)) for tensor in [model["model.head"].data])


def test_run_folder_has_a_name_by_default(tmp_path):
    result = fanion("train", "gpt", *flags(TINY | {"steps": 1, "optimizer": "nsgd"}), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}-nsgd", run.name)
    assert f"run: runs/{run.name}" in result.stdout


def test_sample_depends_on_its_seed_alone(finished):
    def sample(*arguments):
        result = fanion("sample", finished, "--length", 60, *arguments, cwd=finished.parent)
        assert result.returncode == 0, result.stderr
        return result.stdout

    first = sample("--seed", 1)
    assert sample("--seed", 1) == first
    assert sample("--seed", 2) != first
    assert sample("--prompt", "ROMEO:").startswith("ROMEO:")
    assert sample("--temperature", 0, "--seed", 1) == sample("--top-k", 1, "--seed", 2)


def test_rules(tmp_path):
    result = fanion("rules", cwd=tmp_path)
    assert result.returncode == 0
    names = [line.split()[0] for line in result.stdout.splitlines()[2:]]
    assert {"muon", "neon", "fanion", "f-muon", "f-neon", "f-fanion", "d-fanion", "nsgd", "signum"} <= set(names)


def test_plot_that_fails_says_what_to_do(tmp_path, finished):
    result = fanion("plot", finished, cwd=tmp_path, env={"FANION_PYTHON": "no-such-python"})
    assert result.returncode == 1
    assert result.stderr.startswith("fanion: the plot was not drawn")
    assert "FANION_PYTHON" in result.stderr
