"""A run that was stopped and resumed equals one that never was, bit for bit."""

import random
import shutil
import signal
import time

import pytest

from .running import (
    LONG,
    TIMEOUT,
    assert_same,
    checkpoint,
    fanion,
    flags,
    last_step,
    metrics,
    resume,
    snapshot,
    start,
    stop,
    train,
    wait_for_step,
)

KILLED = {
    "muon": {"optimizer": "muon"},
    "d-fanion": {"optimizer": "d-fanion:k=4", "lr": 0.04},
    "f-neon": {"optimizer": "f-neon"},
    "adamw, clipped, warmed up": {"optimizer": "adamw", "clip": 0.5, "warmup": 0.2},
    "s-muon, adapted, cautious": {
        "optimizer": "s-muon:eta=0.01",
        "lr": 0.02,
        "adapt": "element",
        "weight-decay": 0.1,
        "weight-decay-method": "cautious",
    },
    "kernel-neon, adapted by rows": {"optimizer": "kernel-neon", "adapt": "neuron", "adjust-lr-fn": "none", "lr": 1},
    "mixture, cosine, sum, bfloat16": {
        "optimizer": "0.3*neon + 0.7*max_entry",
        "lr": 0.02,
        "schedule": "cosine",
        "momentum-kind": "sum",
        "weight-decay": 0.1,
        "dtype": "bfloat16",
    },
}


def begin(run, options):
    return start("train", "gpt", "--out", run, *flags(options), cwd=run.parent)


def go_on(run):
    return start("train", "gpt", "--resume", run, cwd=run.parent)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The uninterrupted run that most tests here compare with."""
    return train(tmp_path_factory.mktemp("whole") / "run", LONG)


@pytest.fixture
def killed(tmp_path):
    """The same run, killed between two checkpoints."""
    process = begin(tmp_path / "run", LONG)
    wait_for_step(process, tmp_path / "run", 30)
    stop(process, signal.SIGKILL)
    return tmp_path / "run"


@pytest.mark.parametrize("seed, name", list(enumerate(KILLED)), ids=KILLED)
def test_three_kills_in_a_row(tmp_path, seed, name):
    options = LONG | KILLED[name]
    whole, run = tmp_path / "whole", tmp_path / "run"
    uninterrupted = begin(whole, options)
    draw = random.Random(seed)

    # At a random step each time, and then a random part of the few milliseconds until the next one, so that kills
    # hit steps, validations and checkpoints alike.
    for earliest, latest in [(1, 20), (30, 45), (55, 75)]:
        process = begin(run, options) if not run.exists() else go_on(run)
        wait_for_step(process, run, draw.randint(earliest, latest))
        time.sleep(draw.uniform(0, 0.01))
        stop(process, signal.SIGKILL)
        assert 0 < last_step(run) < options["steps"]

    resume(run)
    assert uninterrupted.communicate(timeout=TIMEOUT) and uninterrupted.returncode == 0
    assert_same(run, whole)


def test_kills_at_random_times(tmp_path, whole):
    # By the clock, so that start-up and the cutting back of the logs are hit too.
    run = tmp_path / "run"
    draw = random.Random(7)
    process = begin(run, LONG)
    wait_for_step(process, run, 10)
    stop(process, signal.SIGKILL)
    for _ in range(4):
        process = go_on(run)
        time.sleep(draw.uniform(0, 0.25))
        stop(process, signal.SIGKILL)
    assert last_step(run) < LONG["steps"]
    resume(run)
    assert_same(run, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, whole, number):
    run = tmp_path / "run"
    process = begin(run, LONG | {"checkpoint-every": 1000})  # so that the only checkpoint is that of the interrupt
    wait_for_step(process, run, 25)
    began = time.monotonic()
    out, err = stop(process, number)
    assert process.returncode == 130
    assert time.monotonic() - began < 5
    step = last_step(run)
    assert checkpoint(run).metadata["step"] == str(step)
    assert err.splitlines()[-1] == f"stopped and saved at step {step}; go on with: fanion train gpt --resume {run}"
    assert out == ""

    resume(run)
    assert_same(run, whole)


def test_crash_while_writing_a_checkpoint(killed, whole):
    good = killed / "checkpoint.safetensors"
    half = killed / "checkpoint.safetensors.tmp"
    half.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    resume(killed)
    assert not half.exists()
    assert_same(killed, whole)


def test_killed_before_the_first_checkpoint(tmp_path, whole):
    run = tmp_path / "run"
    process = begin(run, LONG | {"checkpoint-every": 1000})
    wait_for_step(process, run, 12)
    stop(process, signal.SIGKILL)
    assert not (run / "checkpoint.safetensors").exists()
    resume(run)
    assert_same(run, whole)


def test_killed_before_the_first_line(tmp_path, whole):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(whole / "config.json", run)
    resume(run)
    assert_same(run, whole)


@pytest.mark.parametrize("rest", ['{"loss":3.25,"st', "\0\0\0\0"], ids=["line", "zeros"])
def test_half_written_last_line_is_dropped(killed, whole, rest):
    with (killed / "metrics.jsonl").open("a") as log:
        log.write(rest)
    with (killed / "timings.jsonl").open("a") as log:
        log.write(rest)
    resume(killed)
    assert_same(killed, whole)
    assert (killed / "timings.jsonl").read_text().count("\n") == len(
        [line for line in metrics(whole) if "validation_loss" in line]
    )


def test_finished_run_stays_as_it_is(whole):
    before = snapshot(whole)
    result = resume(whole)
    assert f"after {LONG['steps']} steps" in result.stdout
    assert snapshot(whole) == before


OPTIMIZERS = ["nsgd", "d-fanion:k=4@0.04", "adamw"]
FOLDERS = ["NSGD", "d-fanion_k_4", "AdamW"]


def test_comparison_stopped_and_killed_in_its_second_optimizer(tmp_path):
    whole = tmp_path / "whole"
    uninterrupted = start("compare", "gpt", "--out", whole, "--optimizers", *OPTIMIZERS, *flags(LONG), cwd=tmp_path)
    top = tmp_path / "all"
    process = start("compare", "gpt", "--out", top, "--optimizers", *OPTIMIZERS, *flags(LONG), cwd=tmp_path)
    wait_for_step(process, top / FOLDERS[1], 20)
    _, err = stop(process, signal.SIGINT)
    assert process.returncode == 130
    assert err.splitlines()[-1] == f"stopped and saved; go on with: fanion compare gpt --resume {top}"

    process = start("compare", "gpt", "--resume", top, cwd=tmp_path)
    wait_for_step(process, top / FOLDERS[1], 60)
    stop(process, signal.SIGKILL)
    assert last_step(top / FOLDERS[0]) == LONG["steps"]
    assert last_step(top / FOLDERS[1]) < LONG["steps"]
    assert last_step(top / FOLDERS[2]) == -1

    result = fanion("compare", "gpt", "--resume", top, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert uninterrupted.communicate(timeout=TIMEOUT) and uninterrupted.returncode == 0
    for folder in FOLDERS:
        assert_same(top / folder, whole / folder)
    # Label, rate and validation loss; the rest of a row are times and bytes.
    rows = [[line.split()[:3] for line in (t / "table.txt").read_text().splitlines()] for t in (top, whole)]
    assert rows[0] == rows[1]
