"""One process a run."""

import os
import re
import signal

import pytest

from .running import (
    LONG,
    TIMEOUT,
    TINY,
    assert_same,
    fanion,
    flags,
    last_step,
    losses,
    metrics,
    resume,
    start,
    stop,
    train,
    wait_for_step,
)

# A few seconds of steps: long enough for other processes to come and be refused.
ENDURING = LONG | {"steps": 2000, "eval-every": 500, "checkpoint-every": 100}


@pytest.fixture
def running(tmp_path):
    """A run in the middle, and the process at work on it, which is ended afterwards."""
    run = tmp_path / "run"
    process = start("train", "gpt", "--out", run, *flags(ENDURING), cwd=tmp_path)
    wait_for_step(process, run, 20)
    yield run, process
    if process.poll() is None:
        process.kill()
        process.communicate()


def assert_refused(result, folder, pid):
    assert result.returncode == 1, result
    assert result.stderr == f"fanion: {folder} is already running (pid {pid}); wait for its end, or stop it first\n"


def test_second_resume_is_refused(running):
    run, process = running
    before = last_step(run)
    for _ in range(2):
        assert_refused(fanion("train", "gpt", "--resume", run, cwd=run.parent), run, process.pid)
    wait_for_step(process, run, before + 20)
    _, err = stop(process, signal.SIGINT)
    assert process.returncode == 130, err
    assert "stopped and saved" in err
    assert [line["step"] for line in metrics(run) if "loss" in line] == list(range(1, last_step(run) + 1))
    assert not (run / "lock").exists()


def test_readers_are_not_refused(running):
    run, process = running
    wait_for_step(process, run, 101)  # there is a checkpoint
    result = fanion("sample", run, "--length", 5, cwd=run.parent)
    assert result.returncode == 0, result.stderr
    assert process.poll() is None


def test_resumed_run_is_held_too(running):
    run, process = running
    stop(process, signal.SIGKILL)
    again = start("train", "gpt", "--resume", run, cwd=run.parent)
    try:
        wait_for_step(again, run, last_step(run) + 5)
        assert_refused(fanion("train", "gpt", "--resume", run, cwd=run.parent), run, again.pid)
    finally:
        again.kill()
        again.communicate()


@pytest.mark.parametrize(
    "left", [str(os.getpid()), "999999999", "", "no number"], ids=["alive", "dead", "empty", "word"]
)
def test_file_left_behind_is_no_obstacle(tmp_path, left):
    run = train(tmp_path / "run")
    (run / "lock").write_text(left)
    resume(run)
    assert not (run / "lock").exists()


def test_lock_of_a_killed_process_is_taken_over(tmp_path):
    whole, run = train(tmp_path / "whole", LONG), tmp_path / "run"
    process = start("train", "gpt", "--out", run, *flags(LONG), cwd=tmp_path)
    wait_for_step(process, run, 30)
    stop(process, signal.SIGKILL)
    assert (run / "lock").read_text() == f"{process.pid}\n"
    resume(run)
    assert_same(run, whole)


def test_one_of_several_starts_wins(tmp_path):
    starts = [start("train", "gpt", "--out", "run", *flags(TINY | {"seed": s}), cwd=tmp_path) for s in range(3)]
    ends = [(p.communicate(timeout=TIMEOUT)[1], p.returncode) for p in starts]
    assert sorted(code for _, code in ends) == [0, 1, 1], ends
    (winner,) = [seed for seed, (_, code) in enumerate(ends) if code == 0]
    for error, code in ends:
        assert code == 0 or re.search(r"fanion: run (is already running|already holds a run)", error), error
    assert losses(tmp_path / "run") == losses(train(tmp_path / "alone", seed=winner))


def test_second_comparison_is_refused(tmp_path):
    top = tmp_path / "all"
    chosen = ["--optimizers", "nsgd", "muon"]
    process = start("compare", "gpt", "--out", top, *chosen, *flags(ENDURING), cwd=tmp_path)
    try:
        wait_for_step(process, top / "NSGD", 20)
        assert_refused(fanion("compare", "gpt", "--resume", top, cwd=tmp_path), top, process.pid)
        run = top / "NSGD"
        assert_refused(fanion("train", "gpt", "--resume", run, cwd=tmp_path), run, process.pid)
        _, err = stop(process, signal.SIGINT)
        assert process.returncode == 130, err
    finally:
        process.kill()
        process.communicate()
