"""What a run leaves in its folder, what decides it, and what the program shows of it."""

import itertools
import json
import math
import re
import struct
import subprocess
from pathlib import Path

import pytest

from .running import (
    CONSOLE_SCRIPT,
    TIMEOUT,
    TINY,
    assert_same,
    checkpoint,
    config,
    fanion,
    flags,
    losses,
    metrics,
    train,
    validation_losses,
)
from .shards import shard


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


def test_config(finished):
    recorded = config(finished)
    assert set(recorded) == {"schema", "experiment", "options", "figure", "version", "commit", "machine", "data"}
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
    assert machine["torch"].startswith("2.13")
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
    assert set(options) == {name for name in shown if "-" not in name} - {"help", "config", "out", "resume"}


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


def test_config_of_a_run_reproduces_it(tmp_path, finished):
    again = train(tmp_path / "again", {"config": finished / "config.json"})
    assert config(again) == config(finished)
    assert_same(again, finished)


def test_command_line_wins_over_config_file(tmp_path):
    given = {"optimizer": "nsgd", "lr": 0.25, "seed": 3, "steps": 4, "nesterov": False}
    (tmp_path / "options.json").write_text(json.dumps(given))
    options = {name: value for name, value in TINY.items() if name != "steps"}
    run = train(tmp_path / "run", {"config": "options.json", "lr": 0.125} | options)
    recorded = config(run)["options"]
    assert {name: recorded[name] for name in given} == given | {"lr": 0.125}


def test_config_files_of_before_adjust_lr_fn_had_its_name(tmp_path):
    (tmp_path / "options.json").write_text(json.dumps({"scale": "rms_to_rms", "momentum_kind": "sum"}))
    recorded = config(train(tmp_path / "run", {"config": "options.json"} | TINY))["options"]
    assert recorded["adjust_lr_fn"] == "rms_to_rms"
    assert recorded["momentum_kind"] == "sum"
    assert "scale" not in recorded


def test_options_of_the_step_reach_it(tmp_path, finished):
    """A run with each of them goes another way."""
    for i, options in enumerate(
        (
            {"adapt": "neuron"},
            {"adapt": "element"},
            {"weight_decay": 0.5, "weight_decay_method": "independent"},
            {"momentum_dtype": "bfloat16"},
            {"normalize_weights": "true"},
            {"adjust_lr_fn": "none"},
            {"momentum_kind": "sum"},
            {"weight_decay": 0.5},
            {"beta1": 0.5},
        )
    ):
        run = train(tmp_path / str(i), **options)
        assert metrics(run) != metrics(finished), options
    neon = train(tmp_path / "neon", optimizer="neon", lr=0.05)
    fed_back = train(tmp_path / "fed back", optimizer="neon", lr=0.05, error_feedback="true")
    assert config(fed_back)["options"]["error_feedback"] is True
    assert metrics(fed_back) != metrics(neon)


def test_seed_decides(tmp_path, finished):
    assert_same(train(tmp_path / "same", seed=0), finished)
    other = train(tmp_path / "other", seed=1)
    # Step 1 has the same loss whatever the weights, for the head is zero.
    assert losses(other)[1:] != losses(finished)[1:]
    assert checkpoint(other).tensors["model.embedding"] != checkpoint(finished).tensors["model.embedding"]


def test_bfloat16(tmp_path, finished):
    run = train(tmp_path / "run", dtype="bfloat16")
    assert losses(run) != losses(finished)
    # The same training with 8 bits of mantissa in the activations: near it after 20 steps, not equal.
    assert validation_losses(run)[-1] == pytest.approx(validation_losses(finished)[-1], abs=0.1)
    assert {t.dtype for t in checkpoint(run).tensors.values()} == {"F32"}


@pytest.mark.parametrize("vocabulary", [256, 300])
def test_token_shards(tmp_path, vocabulary):
    # A stream that repeats: the last tokens of the vocabulary in turn.
    first = vocabulary - 40
    (tmp_path / "tokens.bin").write_bytes(shard([first + i % 40 for i in range(4000)]))
    run = train(tmp_path / "run", data="tokens.bin", vocabulary=vocabulary, steps=80)
    assert checkpoint(run).tensors["model.embedding"].shape == (vocabulary, 32)
    assert losses(run)[0] == pytest.approx(math.log(vocabulary), rel=1e-6)
    assert validation_losses(run)[-1] < 2

    result = fanion("sample", run, "--length", 12, "--temperature", 0, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"\d+( \d+){11}\n", result.stdout)
    assert all(first <= int(word) < vocabulary for word in result.stdout.split())
    result = fanion("sample", run, "--prompt", "To be", cwd=tmp_path)
    assert result.returncode == 1
    assert "--prompt" in result.stderr


def test_validation_data(tmp_path):
    (tmp_path / "training.txt").write_text("abc" * 1000)
    (tmp_path / "easy.txt").write_text("abc" * 100)
    (tmp_path / "hard.txt").write_text("xyz" * 100)
    easy = train(tmp_path / "easy", data="training.txt", validation_data="easy.txt")
    hard = train(tmp_path / "hard", data="training.txt", validation_data="hard.txt")
    assert losses(easy) == losses(hard)
    assert validation_losses(easy)[-1] < math.log(256) - 2
    assert validation_losses(hard)[-1] > math.log(256)


def test_schedules(tmp_path):
    def losses_with(name, **options):
        return losses(train(tmp_path / name, **options))

    constant = losses_with("constant", schedule="constant")
    linear = losses_with("linear", schedule="linear", cooldown=0.5)
    # The rate falls below its height from the 12th step on, which the loss of the 13th is the first to see.
    assert linear[:12] == constant[:12]
    assert linear[12] != constant[12]
    assert losses_with("flat", schedule="linear", cooldown=0) == constant
    assert losses_with("cosine", schedule="cosine")[:2] == constant[:2]
    assert losses_with("cosine2", schedule="cosine")[2] != constant[2]
    warmed = losses_with("warmed", schedule="constant", warmup=0.25)
    assert warmed[0] == constant[0]
    assert warmed[1] > constant[1]  # a smaller first step gains less


def test_clipping(tmp_path, finished):
    assert losses(train(tmp_path / "never", clip=1e6)) == losses(finished)
    # Muon is blind to the gradient's size; plain sums of it are not.
    clipped = train(tmp_path / "clipped", optimizer="adamw", clip=1e-3, eps=1e-3)
    plain = train(tmp_path / "plain", optimizer="adamw", eps=1e-3)
    assert losses(clipped)[1] > losses(plain)[1]


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
