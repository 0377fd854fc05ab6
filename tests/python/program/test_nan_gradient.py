"""Trainings that overflow: they end, say where, and leave the last good checkpoint."""

import json
import struct

import pytest

from .running import TINY, checkpoint, config, fanion, flags, last_step, snapshot, train


@pytest.mark.parametrize("more", [{}, {"clip": 1}], ids=["plain", "clipped"])
def test_nan_gradient(tmp_path, more):
    # Nine sound steps; from there on a rate with which the weights overflow.
    run = train(tmp_path / "run", steps=9, **more)
    good = (run / "checkpoint.safetensors").read_bytes()
    changed = config(run)
    changed["options"] |= {"steps": 20, "lr": 1e38, "checkpoint_every": 100, "eval_every": 100}
    (run / "config.json").write_text(json.dumps(changed))

    result = fanion("train", "gpt", "--resume", "run", cwd=tmp_path)
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("fanion: ")]
    assert errors == result.stderr.splitlines()[-1:]
    assert "the gradient of parameter 'blocks.0." in errors[0]
    assert "NaN or infinite" in errors[0]
    assert f"step {last_step(run) + 1} of 20" in errors[0]

    assert (run / "checkpoint.safetensors").read_bytes() == good
    sample = fanion("sample", "run", "--length", 5, cwd=tmp_path)
    assert sample.returncode == 0, sample.stderr
    before = snapshot(run)
    again = fanion("train", "gpt", "--resume", "run", cwd=tmp_path)
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1] == errors[0]
    assert snapshot(run) == before


def test_nan_gradient_before_the_first_checkpoint(tmp_path):
    result = fanion("train", "gpt", "--out", "run", *flags(TINY | {"embedding-lr": 1e38}), cwd=tmp_path)
    assert result.returncode == 1
    assert "step 2 of 20" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_weights_that_are_not_finite_reach_no_checkpoint(tmp_path):
    options = TINY | {"embedding-lr": 1e38, "checkpoint-every": 1}
    result = fanion("train", "gpt", "--out", "run", *flags(options), cwd=tmp_path)
    assert result.returncode == 1
    stored = checkpoint(tmp_path / "run") if (tmp_path / "run" / "checkpoint.safetensors").exists() else None
    for tensor in stored.tensors.values() if stored else ():
        if tensor.dtype == "F32":
            assert all(abs(x) < float("inf") for (x,) in struct.iter_unpack("<f", tensor.data))
