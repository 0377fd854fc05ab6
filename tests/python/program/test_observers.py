"""`--record`: what observers write, and that they change nothing."""

import json
import math
import signal

import pytest

from .running import assert_same, checkpoint, flags, refused, resume, start, stop, train, wait_for_step
from .test_experiments import LONGER, SMALL


def observations(run):
    return [json.loads(line) for line in (run / "observations.jsonl").read_text().splitlines()]


def test_spectra_and_norms(tmp_path):
    run = train(tmp_path / "run", SMALL["cnn"] | {"record": "spectra@5,norms@10", "lr": 0.01}, experiment="cnn")
    lines = observations(run)
    assert [(line["step"], line["observer"]) for line in lines] == [
        *[(5, "spectra")] * 4,
        *[(10, "spectra")] * 4,
        *[(10, "norms")] * 4,
    ]
    sizes = {"conv1.weight": 4, "conv2.weight": 8, "linear1.weight": 16, "linear2.weight": 10}
    for line in lines[4:8]:
        for of in ("gradient", "momentum"):
            S = line["seen"][of]
            assert len(S) == sizes[line["matrix"]]
            assert sorted(S, reverse=True) == S and S[-1] >= 0
        (norms,) = [n["seen"] for n in lines[8:] if n["matrix"] == line["matrix"]]
        for of in ("gradient", "momentum"):
            S = line["seen"][of]
            frobenius = math.sqrt(sum(s * s for s in S))
            expected = {
                "frobenius": frobenius,
                "spectral": S[0],
                "nuclear": sum(S),
                "stable_rank": (frobenius / S[0]) ** 2,
            }
            assert norms[of] == pytest.approx(expected, rel=1e-4)
        assert set(norms) == {"weight", "gradient", "momentum"}


def test_adamw_has_no_momentum_of_a_matrix(tmp_path):
    options = SMALL["mlp"] | {"record": "spectra@10", "optimizer": "adamw", "lr": 0.001}
    run = train(tmp_path / "run", options, experiment="mlp")
    assert [set(line["seen"]) for line in observations(run)] == [{"gradient"}] * 2


def test_watching_changes_nothing(tmp_path):
    plain = train(tmp_path / "plain", SMALL["least-squares"], experiment="least-squares")
    watched = train(tmp_path / "watched", SMALL["least-squares"], experiment="least-squares", record="norms@1")
    assert_same(watched, plain)
    assert len(observations(watched)) == 10
    assert checkpoint(plain).metadata["step"] == "10"


def test_resumed_runs_saw_the_same(tmp_path):
    options = LONGER["least-squares"] | {"record": "spectra@20"}
    whole = train(tmp_path / "whole", options, experiment="least-squares")
    process = start("train", "least-squares", "--out", tmp_path / "run", *flags(options), cwd=tmp_path)
    wait_for_step(process, tmp_path / "run", 200)
    stop(process, signal.SIGKILL)
    resume(tmp_path / "run", "least-squares")
    assert (tmp_path / "run" / "observations.jsonl").read_bytes() == (whole / "observations.jsonl").read_bytes()


@pytest.mark.parametrize(
    "record, words",
    [
        ("spectrum@5", ["'spectrum'", "spectra", "norms"]),
        ("spectra", ["'spectra'", "OBSERVER@STEPS"]),
        ("spectra@0", ["'spectra@0'", "at least 1"]),
        ("norms@5x", ["'norms@5x'"]),
        ("norms@5,", ["unknown observer ''"]),
    ],
)
def test_bad_texts(tmp_path, record, words):
    options = SMALL["least-squares"] | {"record": record}
    refused(tmp_path, "train", "least-squares", "--out", "run", *flags(options), words=words)
