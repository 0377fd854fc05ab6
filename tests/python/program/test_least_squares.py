"""The least squares experiment: its numbers, and that the eigenbasis changes none."""

import math

import pytest

from .running import config, fanion, flags, losses, metrics, refused, train
from .test_experiments import SMALL

TINY = SMALL["least-squares"]
# So short that no rule overshoots, from where on rounding decides where it bounces.
LARGER = TINY | {"rows": 60, "columns": 40, "steps": 10, "lr": 0.02}


def validations(run):
    return [line for line in metrics(run) if "validation_loss" in line]


def test_the_first_point_is_that_of_the_paper(tmp_path):
    # E F(X0) = 0.1² mn E[a] E[b] / 2 with a, b uniform in (0, 1), whose relative deviation is some 5 % here.
    run = train(tmp_path / "run", TINY | {"rows": 200, "columns": 150, "steps": 1}, experiment="least-squares")
    assert validations(run)[0]["validation_loss"] == pytest.approx(0.01 * 200 * 150 / 8, rel=0.15)
    assert losses(run)[0] == pytest.approx(validations(run)[0]["validation_loss"], rel=1e-5)


def test_norms_of_the_gradient(tmp_path):
    run = train(tmp_path / "run", TINY, experiment="least-squares")
    for line in validations(run):
        frobenius, spectral, nuclear = (line[f"gradient_{name}"] for name in ("frobenius", "spectral", "nuclear"))
        assert spectral < frobenius < nuclear < math.sqrt(12) * frobenius
        # 0 < A, B < 1: ½|grad|² ≤ F
        assert frobenius**2 / 2 < line["validation_loss"]


@pytest.mark.parametrize(
    "optimizer",
    ["nsgd", "muon", "f-muon", "fanion:k=3,svd=dense", "0.5*nuclear + 0.5*frobenius", "kernel-neon:svd=dense"],
)
def test_the_eigenbasis_changes_nothing(tmp_path, optimizer):
    options = LARGER | {"optimizer": optimizer}
    eigen = train(tmp_path / "eigen", options, experiment="least-squares")
    given = train(tmp_path / "given", options, experiment="least-squares", basis="given")
    assert (config(eigen)["options"]["basis"], config(given)["options"]["basis"]) == ("eigen", "given")
    for ours, theirs in zip(validations(eigen), validations(given), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["signum", "adamw", "s-muon", "d-fanion:k=2", "0.5*muon + 0.5*row_norm"])
def test_rules_that_look_at_entries_keep_the_basis(tmp_path, optimizer):
    run = train(tmp_path / "run", TINY | {"optimizer": optimizer}, experiment="least-squares")
    assert config(run)["options"]["basis"] == "given"
    words = ["--basis eigen", optimizer]
    options = TINY | {"optimizer": optimizer, "basis": "eigen"}
    refused(tmp_path, "train", "least-squares", "--out", "other", *flags(options), words=words)


@pytest.mark.parametrize("step", [{"adapt": "neuron"}, {"adapt": "element"}, {"weight_decay_method": "cautious"}])
def test_steps_that_look_at_rows_or_entries_keep_the_basis(tmp_path, step):
    run = train(tmp_path / "run", TINY | {"optimizer": "muon", **step}, experiment="least-squares")
    assert config(run)["options"]["basis"] == "given"
    options = TINY | {"optimizer": "muon", "basis": "eigen", **step}
    refused(tmp_path, "train", "least-squares", "--out", "other", *flags(options), words=["--basis eigen", "muon"])


def test_rates(tmp_path):
    run = train(tmp_path / "run", TINY, experiment="least-squares")
    assert config(run)["options"]["lr"] == pytest.approx(1 / math.sqrt(10))
    # 1/√t: the first step is that of a constant rate, the second is shorter.
    falling = train(tmp_path / "falling", TINY | {"schedule": "inverse_sqrt"}, experiment="least-squares")
    assert losses(falling)[:2] == losses(run)[:2]
    assert losses(falling)[2] != losses(run)[2]


def test_nothing_to_estimate_but_smoothness(tmp_path):
    run = train(tmp_path / "run", TINY | {"optimizer": "nsgd"}, experiment="least-squares")
    result = fanion("estimate", run, "--batches", 4, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "4 batches of 1 it" in result.stdout


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"rows": 0}, ["--rows 0", "1 to "]),
        ({"columns": -2}, ["--columns -2", "1 to "]),
        ({"start": -1}, ["--start -1"]),
        ({"basis": "fourier"}, ["'fourier'", "given", "eigen"]),
        ({"optimizer": "fanion:k=13"}, ["k = 13", "20 x 12"]),
        ({"schedule": "sqrt"}, ["'sqrt'", "inverse_sqrt"]),
    ],
)
def test_bad_options(tmp_path, changes, words):
    refused(tmp_path, "train", "least-squares", "--out", "run", *flags(TINY | changes), words=words)
