"""SIGINT and SIGTERM end a program whatever it is busy with; test_resume.py has those that come between two steps."""

import signal
import time

import pytest

from .running import TINY, flags, start, stop, wait_for_step

# A step that takes minutes: dense SVDs of six matrices with 2048 rows and columns and more.
BUSY = TINY | {"optimizer": "spectral", "lr": 0.01, "width": 2048, "layers": 1, "context": 8, "batch": 1}


def begin(run):
    return start("train", "gpt", "--out", run, *flags(BUSY), cwd=run.parent)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_one_signal_ends_a_step_that_does_not_end(tmp_path, number):
    process = begin(tmp_path / "run")
    wait_for_step(process, tmp_path / "run", 0)
    time.sleep(4)  # the program looks for a signal once more before the step begins
    _, err = stop(process, number)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == "the step did not end: stopped without saving; the last checkpoint stands"


def test_a_second_signal_ends_it_at_once(tmp_path):
    process = begin(tmp_path / "run")
    wait_for_step(process, tmp_path / "run", 0)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)  # two signals at once may arrive in either order
    began = time.monotonic()
    stop(process, signal.SIGTERM)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began < 3
