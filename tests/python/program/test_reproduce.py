"""`fanion reproduce`: the list, and that each leaves a record and pictures."""

import importlib.util
import re

import pytest

from .running import NO_PLOTS, PLOTS, fanion, refused

# Those that take no training; the others are run by --quick outside of the tests.
INSTANT = ["table-1", "norm-ratios"]
NAMES = [
    "table-1",
    "fig-1",
    "fig-7",
    "fig-2",
    "norm-ratios",
    "mlp",
    "cnn",
    "convex-tuned",
    "quadratics",
    "spectrum",
    "batch-size",
    "table-2",
]


def test_list(tmp_path):
    result = fanion("reproduce", "--list", cwd=tmp_path)
    assert result.returncode == 0
    rows = result.stdout.splitlines()[2:]
    assert [row.split()[0] for row in rows] == NAMES
    assert all(re.search(r"\d+ (s|min), \d+ (s|min)$", row) for row in rows)


def reproduced(tmp_path, name, env=NO_PLOTS):
    result = fanion("reproduce", name, "--quick", "--out", "here", cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "here" / f"{name}-quick"
    return folder, (folder / "record.md").read_text(), result.stdout


@pytest.mark.parametrize("name", INSTANT)
def test_record(tmp_path, name):
    _, record, out = reproduced(tmp_path, name)
    assert record.startswith(f"# {name}: ")
    for part in [f"fanion reproduce {name} --quick", "Source: ", "Statistic: ", "torch ", "seed"]:
        assert part in record
    assert "| contradicted |" not in record
    assert "holds: " in out


def test_table_1_certifies_every_lmo(tmp_path):
    _, record, _ = reproduced(tmp_path, "table-1")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in record.splitlines() if line.startswith("|")]
    body = [[cell.strip() for cell in row] for row in rows if len(row) == 6][2:]
    assert [row[0] for row in body][:5] == ["Normalized SGD", "SignSGD, Signum", "Gauss-Southwell", "Muon", "Neon"]
    for row in body:
        assert abs(float(row[4])) < 1e-8 and abs(float(row[5])) < 1e-6


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_picture(tmp_path):
    folder, record, _ = reproduced(tmp_path, "norm-ratios", env=PLOTS)
    assert (folder / "norm-ratios.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "![norm-ratios](norm-ratios.png)" in record


def test_unknown_names(tmp_path):
    refused(tmp_path, "reproduce", "fig-9", words=["'fig-9'", "fig-1", "table-1"])
    refused(tmp_path, "reproduce", words=["name", "--list"])
    refused(tmp_path, "reproduce", "table-1", "--jobs", 0, words=["--jobs 0"])
    refused(tmp_path, "reproduce", "fig-2", "--epochs", -1, words=["--epochs -1"])
    refused(tmp_path, "reproduce", "fig-2", "--seeds", -1, words=["--seeds -1"])
