"""The published size: GPT-2's 12 layers of width 768 on token shards, two steps of it.

162 million parameters (embedding and head are two matrices here, 124 million where they are one) with their gradients
and the optimizer's state take 2.4 GiB, and the checkpoint 1.5 GB of disk. KyFan's batch of half a million tokens is cut
to one window of 64, and the rule is Neon, whose step is short: Muon takes the same memory and ten times as long.
"""

import math
import shutil
import time
from pathlib import Path

import pytest

from .running import TIMEOUT, flags, last_step, losses, start, validation_losses
from .shards import shard

GIB = 2**30
GPT2 = {
    "layers": 12,
    "width": 768,
    "head-width": 128,
    "vocabulary": 50304,
    "context": 64,
    "batch": 1,
    "steps": 2,
    "eval-every": 2,
    "eval-batches": 1,
    "threads": 1,
    "optimizer": "neon",
    "lr": 0.05,
}


def available_memory():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


def peak_memory(process):
    """The most memory a process has held until it ended, by what the kernel says of it while it runs."""
    peak, deadline = 0, time.monotonic() + TIMEOUT
    while process.poll() is None:
        assert time.monotonic() < deadline
        try:
            status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            break
        peak = max([peak, *(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))])
        time.sleep(0.02)
    return peak


def test_first_steps(tmp_path):
    if available_memory() < 4 * GIB or shutil.disk_usage(tmp_path).free < 3 * GIB:
        pytest.skip("needs 4 GiB of memory and 3 GiB of disk")
    (tmp_path / "train.bin").write_bytes(shard([7919 * (i % 7) for i in range(1000)]))
    run = tmp_path / "run"
    process = start("train", "gpt", "--out", run, "--data", "train.bin", *flags(GPT2), cwd=tmp_path)
    peak = peak_memory(process)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, err
    assert last_step(run) == 2
    # The head is zero at first: every token is as likely.
    assert losses(run)[0] == pytest.approx(math.log(50304), rel=1e-5)
    assert validation_losses(run)[0] == pytest.approx(math.log(50304), rel=1e-5)
    assert losses(run)[1] < losses(run)[0]
    parameters = 12 * 12 * 768**2 + 2 * 50304 * 768
    assert 3 * 4 * parameters < peak < 3 * GIB
    (run / "checkpoint.safetensors").unlink()  # pytest would keep it
