"""What a training shows of itself on standard error, with a terminal and without."""

import os
import pty
import re
import subprocess

import pytest

from .running import TIMEOUT, TINY, fanion, flags, start, validation_losses


def test_plain_lines_where_there_is_no_terminal(tmp_path):
    result = fanion("train", "gpt", "--out", "run", *flags(TINY), cwd=tmp_path)
    assert "\r" not in result.stderr
    assert "\033" not in result.stderr
    lines = result.stderr.splitlines()
    assert [re.search(r"(\d+)/20", line)[1] for line in lines] == ["0", "5", "10", "15", "20"]
    for line in lines:
        assert re.fullmatch(r"muon [█░]{20} +\d+/20  loss .{6}  val \d\.\d{4}  +\d+\.\dk tok/s  [\d:-]+ left", line)
    loss = validation_losses(tmp_path / "run")[-1]
    assert result.stdout.startswith(f"validation loss {loss:.4f} after 20 steps, ")


def on_a_terminal(*arguments, cwd):
    """Exit status, and what the program writes to a terminal on standard error."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"this machine has no pseudo-terminals: {error}")
    process = start(*arguments, cwd=cwd, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    return process.wait(timeout=TIMEOUT), written.decode()


def test_one_redrawn_line_on_a_terminal(tmp_path):
    status, text = on_a_terminal("train", "gpt", "--out", "run", *flags(TINY | {"steps": 150}), cwd=tmp_path)
    assert status == 0
    assert text.count("\n") == 1
    assert text.endswith("left\r\n")
    drawn = text.split("\r\033[K")
    assert drawn[0] == ""
    assert len(drawn) >= 3  # the first, the last, and some between
    assert "150/150" in drawn[-1]


def test_error_takes_the_place_of_the_progress_line(tmp_path):
    status, text = on_a_terminal("train", "gpt", "--out", "run", *flags(TINY | {"lr": 1e38}), cwd=tmp_path)
    assert status == 1
    assert text.count("\n") == 1
    last = text.split("\r\033[K")[-1]
    assert last.startswith("fanion: ")
    assert last.endswith("\r\n")
