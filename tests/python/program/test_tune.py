"""`fanion tune`: the grid of factor 2 grows until the best rate is inside."""

import json

from .running import config, fanion, flags, refused, validation_losses
from .test_experiments import SMALL

OPTIONS = {key: value for key, value in SMALL["least-squares"].items() if key != "optimizer"}
TUNE = ["tune", "least-squares", "--out", "all"]


def test_the_best_rate_is_inside_the_grid(tmp_path):
    result = fanion(
        *TUNE, *flags(OPTIONS), "--optimizers", "nsgd", "muon", "--first-rate", 0.01, "--jobs", 2, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    rates = json.loads((tmp_path / "all" / "tuned_rates.json").read_text())["optimizers"]
    assert [rate["optimizer"] for rate in rates] == ["nsgd", "muon"]
    for rate in rates:
        runs = [run for run in (tmp_path / "all").iterdir() if run.is_dir()]
        losses = {
            config(run)["options"]["lr"]: validation_losses(run)[-1]
            for run in runs
            if config(run)["options"]["optimizer"] == rate["optimizer"]
        }
        best = min(losses, key=losses.__getitem__)
        assert rate["lr"] == best
        assert {best / 2, best * 2} <= set(losses), "both neighbours were tried"
        # Ten steps from |X|_F = 1.5 need far more than 0.01 a step, so the grid had to grow.
        assert best > 0.02


def test_bad_tuning(tmp_path):
    refused(tmp_path, *TUNE, *flags(OPTIONS), "--lr", 0.1, words=["--lr", "--optimizers"])
    refused(tmp_path, *TUNE, *flags(OPTIONS), "--first-rate", 0, words=["--first-rate 0"])
    refused(tmp_path, *TUNE, *flags(OPTIONS), "--optimizers", "moun", words=["'moun'"])
