"""What decides a run: its options, however they are given, and its data."""

import json
import math
import re

import pytest

from .running import (
    TINY,
    assert_same,
    checkpoint,
    config,
    fanion,
    losses,
    metrics,
    train,
    validation_losses,
)
from .shards import shard


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
