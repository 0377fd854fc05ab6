"""`fanion sweep`: every combination is a run, side by side, and what is finished is not run again."""

import json
import signal
import time

import pytest

from .running import TIMEOUT, assert_same, config, fanion, flags, last_step, refused, start, train
from .test_experiments import LONGER, SMALL

OPTIONS = {key: value for key, value in SMALL["least-squares"].items() if key != "optimizer"}
SWEEP = ["sweep", "least-squares", "--out", "all"]
AXES = ["--over", "optimizer=nsgd,neon", "lr=0.1,0.2"]
FOLDERS = ["optimizer_nsgd_lr_0.1", "optimizer_nsgd_lr_0.2", "optimizer_neon_lr_0.1", "optimizer_neon_lr_0.2"]


def test_every_combination_is_an_ordinary_run(tmp_path):
    result = fanion(*SWEEP, *flags(OPTIONS), *AXES, "--jobs", 2, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    table = (tmp_path / "all" / "table.txt").read_text()
    assert table in result.stdout
    assert len(table.splitlines()) == 2 + len(FOLDERS)
    assert sorted(path.name for path in (tmp_path / "all").iterdir() if path.is_dir()) == sorted(FOLDERS)
    single = train(tmp_path / "single", OPTIONS | {"optimizer": "neon", "lr": 0.2}, experiment="least-squares")
    assert_same(tmp_path / "all" / FOLDERS[3], single)

    times = {name: (tmp_path / "all" / name / "checkpoint.safetensors").stat().st_mtime_ns for name in FOLDERS}
    again = fanion(*SWEEP, *flags(OPTIONS), *AXES, "--jobs", 1, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert times == {name: (tmp_path / "all" / name / "checkpoint.safetensors").stat().st_mtime_ns for name in FOLDERS}


def test_runs_from_before_an_option_came_are_taken(tmp_path):
    sweep = [*SWEEP, *flags(OPTIONS), "--over", "optimizer=nsgd,neon", "--lr", 0.1]
    assert fanion(*sweep, cwd=tmp_path).returncode == 0
    run = tmp_path / "all" / "optimizer_nsgd"
    time_made = (run / "checkpoint.safetensors").stat().st_mtime_ns
    recorded = config(run)
    del recorded["options"]["init_from"]
    (run / "config.json").write_text(json.dumps(recorded))
    again = fanion(*sweep, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (run / "checkpoint.safetensors").stat().st_mtime_ns == time_made
    for change in [{"momentum": 0.5}, {"record": "norms@5"}]:
        (run / "config.json").write_text(json.dumps(recorded | {"options": recorded["options"] | change}))
        words = ["optimizer_nsgd", "another configuration", "--out"]
        refused(tmp_path, *sweep, words=words)


def test_a_rate_that_diverges_is_a_result(tmp_path):
    result = fanion(*SWEEP, *flags(OPTIONS), "--over", "start=0.1,1e30", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    rows = (tmp_path / "all" / "table.txt").read_text().splitlines()[2:]
    assert "failed" not in rows[0] and "failed" in rows[1]
    assert "NaN or infinite" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_continued(tmp_path, number):
    options = {key: value for key, value in LONGER["least-squares"].items() if key != "optimizer"}
    whole = train(tmp_path / "whole", options | {"optimizer": "neon", "lr": 0.1}, experiment="least-squares")
    sweep = [*SWEEP, *flags(options), "--over", "optimizer=nsgd,neon", "--lr", 0.1, "--jobs", 2]
    process = start(*sweep, cwd=tmp_path)
    deadline = time.monotonic() + TIMEOUT
    while last_step(tmp_path / "all" / "optimizer_neon") < 50:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(number)
    _, err = process.communicate(timeout=TIMEOUT)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert err.splitlines()[-1] == "stopped and saved; go on with the same command"
    # After SIGKILL the trainings are left alone and end by themselves.
    while number == signal.SIGKILL and last_step(tmp_path / "all" / "optimizer_neon") < options["steps"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2 if number == signal.SIGKILL else 0)
    result = fanion(*sweep, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert_same(tmp_path / "all" / "optimizer_neon", whole)


BAD = {
    "no values": (["--over", "lr="], ["'lr='", "OPTION=VALUE"]),
    "unknown option": (["--over", "rate=1"], ["'rate'", "least-squares"]),
    "no number": (["--over", "lr=fast"], ["'fast'", "lr"]),
    "wrong type": (["--over", "steps=1.5"], ["'steps'", "1.5"]),
    "out of range": (["--over", "lr=0.1,-1"], ["-1"]),
    "jobs": (["--over", "lr=0.1", "--jobs", "0"], ["--jobs 0"]),
    "over missing": ([], ["--over"]),
}


@pytest.mark.parametrize("arguments, words", BAD.values(), ids=BAD)
def test_bad_sweeps(tmp_path, arguments, words):
    refused(tmp_path, *SWEEP, *flags(OPTIONS), *arguments, words=words)


def test_a_folder_of_another_configuration(tmp_path):
    assert fanion(*SWEEP, *flags(OPTIONS), "--over", "lr=0.1", cwd=tmp_path).returncode == 0
    recorded = config(tmp_path / "all" / "lr_0.1")
    recorded["options"]["seed"] = 7
    (tmp_path / "all" / "lr_0.1" / "config.json").write_text(json.dumps(recorded))
    refused(tmp_path, *SWEEP, *flags(OPTIONS), "--over", "lr=0.1", words=["lr_0.1", "another configuration"])
