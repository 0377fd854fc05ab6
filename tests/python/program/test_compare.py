"""What `fanion compare` leaves, prints and draws."""

import json
import re
import shutil

import pytest

from .running import (
    PLOTS,
    TINY,
    assert_same,
    config,
    fanion,
    flags,
    losses,
    resume,
    train,
    validation_losses,
    without_plots,
)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """A comparison's folder and output, with two rates of one rule, without its plot."""
    cwd = tmp_path_factory.mktemp("comparison")
    chosen = ["adamw", "muon@0.02", "muon@0.04"]
    result = fanion("compare", "gpt", "--out", "all", "--optimizers", *chosen, *flags(TINY), cwd=cwd)
    assert result.returncode == 0, result.stderr
    return cwd / "all", result


def test_comparison_table(comparison):
    top, result = comparison
    table = (top / "table.txt").read_text()
    assert table in result.stdout
    heading, _, *rows = table.splitlines()
    assert re.split(r"  +", heading) == [
        "optimizer",
        "lr",
        "val loss",
        "ms/step",
        "ms optimizer",
        "state bytes/param",
    ]
    listed = json.loads((top / "comparison.json").read_text())
    assert [row.split()[0] for row in rows] == ["AdamW", "Muon@0.02", "Muon@0.04"]
    assert [entry["label"] for entry in listed] == [row.split()[0] for row in rows]
    for row, entry in zip(rows, listed, strict=True):
        _, lr, loss, step_ms, optimizer_ms, state_bytes = row.split()
        run = top / entry["folder"]
        assert float(lr) == entry["lr"] == config(run)["options"]["lr"]
        assert loss == f"{validation_losses(run)[-1]:.4f}"
        assert 0 < float(optimizer_ms) < float(step_ms)
        # Every parameter has two moments under AdamW; matrices under Muon have one.
        assert 4 < float(state_bytes) <= 8.1
    assert float(rows[0].split()[-1]) > float(rows[1].split()[-1])


def test_comparison_output(comparison):
    top, result = comparison
    table = (top / "table.txt").read_text()
    best = min(table.splitlines()[2:], key=lambda row: float(row.split()[2])).split()[0]
    assert f"A sample from {best}:" in result.stdout
    assert "runs: all" in result.stdout.splitlines()
    for label in ["AdamW", "Muon@0.02", "Muon@0.04"]:
        assert re.search(rf"^{re.escape(label)} .* 20/20 ", result.stderr, re.MULTILINE)


def test_compared_runs_are_ordinary_runs(tmp_path, comparison, finished):
    top, _ = comparison
    single = train(tmp_path / "single", optimizer="muon", lr=0.02)
    assert_same(top / "Muon_0.02", single)
    # Same batches for each: the first losses agree, for the first weights do.
    runs = [top / name for name in ["AdamW", "Muon_0.02", "Muon_0.04"]]
    assert len({losses(run)[0] for run in runs}) == 1
    assert resume(shutil.copytree(runs[0], tmp_path / "moved")).returncode == 0


@pytest.mark.skipif(bool(without_plots()), reason=without_plots() or "plots work")
def test_plots(tmp_path, comparison):
    top, _ = comparison
    result = fanion("plot", top, "--out", "drawn.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "plot: drawn.png\n"
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
