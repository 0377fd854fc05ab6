"""`fanion train` by several processes, as torchrun starts them."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from .running import (
    LONG,
    NO_PLOTS,
    TIMEOUT,
    TINY,
    assert_same,
    checkpoint,
    executable,
    flags,
    losses,
    start,
    train,
    validation_losses,
    wait_for_step,
)

LOOPBACK = NO_PLOTS | {"GLOO_SOCKET_IFNAME": "lo"}
TRAIN = ("train", "gpt")


def launched(cwd, *arguments, processes=2):
    """The processes of a training, without torchrun."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [start(*arguments, cwd=cwd, env=LOOPBACK | place | {"RANK": str(rank)}) for rank in range(processes)]


def ended(processes):
    """Exit status, output and errors of each; all of them have to end."""
    try:
        results = [process.communicate(timeout=TIMEOUT) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *result) for process, result in zip(processes, results, strict=True)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training by two processes of torchrun."""
    folder = tmp_path_factory.mktemp("whole")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    command = [*launch, str(executable()), *TRAIN, "--out", "run", *flags(LONG)]
    result = subprocess.run(
        command, cwd=folder, env=os.environ | LOOPBACK, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("validation loss") == 1
    return folder / "run"


def assert_close(run, other):
    """Two trainings that differ by the order of sums."""
    for of_run, of_other in ((losses(run), losses(other)), (validation_losses(run), validation_losses(other))):
        assert len(of_run) == len(of_other)
        assert of_run == pytest.approx(of_other, rel=2e-3)  # float32, after as many steps


def test_two_processes_train_as_one_does(whole, tmp_path):
    alone = train(tmp_path / "run", LONG)
    assert_close(whole, alone)
    assert losses(whole)[0] == pytest.approx(losses(alone)[0], rel=1e-6)
    assert checkpoint(whole).tensors.keys() == checkpoint(alone).tensors.keys()


def test_parts_of_a_batch_and_of_a_dropout_mask(tmp_path):
    options = {"optimizer": "muon", "steps": 6, "eval-every": 3, "channels": 4, "width": 16, "batch": 8, "threads": 1}
    alone = train(tmp_path / "alone", options, experiment="cnn")
    for status, _, error in ended(launched(tmp_path, "train", "cnn", "--out", "run", *flags(options))):
        assert status == 0, error
    assert_close(tmp_path / "run", alone)


def test_an_interrupt_of_one_stops_all_and_they_go_on_to_the_same_bits(whole, tmp_path):
    processes = launched(tmp_path, *TRAIN, "--out", "run", *flags(LONG))
    wait_for_step(processes[0], tmp_path / "run", 20)
    processes[1].send_signal(signal.SIGINT)
    results = ended(processes)
    assert [status for status, _, _ in results] == [130, 130]
    assert "stopped and saved at step" in results[0][2] and "stopped" not in results[1][2]
    for status, _, error in ended(launched(tmp_path, *TRAIN, "--resume", "run")):
        assert status == 0, error
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_one_that_is_gone_or_hangs_is_an_error_of_the_other(tmp_path, number):
    # Long enough that no end comes first.
    processes = launched(tmp_path, *TRAIN, "--out", "run", *flags(TINY | {"steps": 100_000}), "--timeout", 3)
    wait_for_step(processes[0], tmp_path / "run", 3)
    processes[1].send_signal(number)
    _, errors = processes[0].communicate(timeout=TIMEOUT)
    processes[1].kill()
    processes[1].communicate()
    assert processes[0].returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("fanion: ") and "process 0 of 2 hears nothing of another" in last


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gpt", *flags(TINY | {"batch": 3})), ["--batch 3", "--pieces 1", "2 processes"]),
        (("mlp", "--batch", 9), ["--batch 9", "multiple of the 2 processes"]),
        (("least-squares",), ["least-squares is trained by one process, not by 2"]),
    ],
)
def test_what_processes_cannot_share_is_refused_by_all(tmp_path, arguments, words):
    first, second = ended(launched(tmp_path, "train", *arguments, "--out", "run"))
    assert first[0] == second[0] == 1
    assert all(word in first[2] for word in words)
    assert "process 0 has refused the training" in second[2]
    assert not (tmp_path / "run").exists()


def test_a_launch_that_is_not_whole_is_refused(tmp_path):
    process = start(*TRAIN, "--out", "run", cwd=tmp_path, env=LOOPBACK | {"WORLD_SIZE": "2", "RANK": "2"})
    [(status, _, error)] = ended([process])
    assert status == 1
    assert "WORLD_SIZE says that 2 processes train together, and RANK is '2', which must lie in 0 to 1" in error
