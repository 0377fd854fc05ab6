"""What every experiment has: a name and schema in the record, resume to the same bits, plots, a table of options."""

import importlib.util
import json
import random
import re
import shutil
import signal

import pytest

from .running import (
    PLOTS,
    TIMEOUT,
    TINY,
    assert_same,
    config,
    fanion,
    flags,
    last_step,
    metrics,
    refused,
    resume,
    start,
    stop,
    train,
    validation_losses,
    wait_for_step,
)

IMAGES = {"batch": 32, "steps": 10, "eval-every": 5, "checkpoint-every": 5, "threads": 1}
# The smallest run of each experiment that has a checkpoint and two validations.
SMALL = {
    "gpt": TINY | {"steps": 10},
    "least-squares": {
        "rows": 20,
        "columns": 12,
        "steps": 10,
        "eval-every": 5,
        "checkpoint-every": 5,
        "threads": 1,
        "optimizer": "nsgd",
    },
    "mlp": IMAGES | {"width": 16},
    "cnn": IMAGES | {"channels": 4, "width": 16},
    "airbench": IMAGES | {"channels": 24, "dtype": "float32", "views": 1},
}
# Long enough to be killed in the middle.
LONGER = {
    "least-squares": SMALL["least-squares"]
    | {"optimizer": "f-neon", "rows": 60, "columns": 40, "steps": 600, "eval-every": 50, "checkpoint-every": 70},
    "cnn": SMALL["cnn"] | {"optimizer": "muon", "steps": 600, "eval-every": 100, "checkpoint-every": 70},
}


def experiments(cwd):
    """The names that `fanion train --help` lists."""
    text = fanion("train", "--help", cwd=cwd).stdout
    return re.findall(r"^  ([a-z-]+) +train ", text, re.MULTILINE)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of every experiment."""
    top = tmp_path_factory.mktemp("runs")
    return {name: train(top / name, options, experiment=name) for name, options in SMALL.items()}


def test_every_experiment_is_tested_here(tmp_path):
    assert experiments(tmp_path) == list(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_config_says_what_a_plot_needs(runs, name):
    recorded = config(runs[name])
    assert (recorded["schema"], recorded["experiment"]) == (2, name)
    figure = recorded["figure"]
    assert figure["title"] and figure["x"]["label"] and figure["x"]["per_step"] > 0
    keys = [q["key"] for q in figure["quantities"]]
    assert keys[0] == "validation_loss"
    for line in metrics(runs[name]):
        assert set(line) in ({"step", "loss"}, {"step", *keys})
    assert validation_losses(runs[name])[-1] < validation_losses(runs[name])[0]


@pytest.mark.parametrize("name", SMALL)
def test_config_of_a_run_reproduces_it(tmp_path, runs, name):
    again = train(tmp_path / "again", {"config": runs[name] / "config.json"}, experiment=name)
    assert config(again) == config(runs[name])
    assert_same(again, runs[name])


@pytest.mark.parametrize("name", LONGER)
def test_kills_and_resume(tmp_path, name):
    whole, run = tmp_path / "whole", tmp_path / "run"
    uninterrupted = start("train", name, "--out", whole, *flags(LONGER[name]), cwd=tmp_path)
    draw = random.Random(3)
    for earliest, latest in [(1, 80), (150, 250), (300, 400)]:
        arguments = ["--resume", run] if run.exists() else ["--out", run, *flags(LONGER[name])]
        process = start("train", name, *arguments, cwd=tmp_path)
        wait_for_step(process, run, draw.randint(earliest, latest))
        stop(process, signal.SIGKILL)
        assert 0 < last_step(run) < LONGER[name]["steps"]
    resume(run, name)
    assert uninterrupted.communicate(timeout=TIMEOUT) and uninterrupted.returncode == 0
    assert_same(run, whole)


def without(run, *keys, **changes):
    """Takes `keys` out of a run's config and changes others."""
    recorded = {key: value for key, value in config(run).items() if key not in keys} | changes
    (run / "config.json").write_text(json.dumps(recorded))
    return run


def test_runs_from_before_schemas_go_on(tmp_path, runs):
    options = {"steps": 10, "checkpoint-every": 4}
    whole = train(tmp_path / "whole", TINY | options)
    process = start("train", "gpt", "--out", tmp_path / "run", *flags(TINY | options), cwd=tmp_path)
    wait_for_step(process, tmp_path / "run", 5)
    process.kill()
    process.communicate(timeout=TIMEOUT)
    old = without(tmp_path / "run", "schema", "experiment", "figure")
    resume(old)
    assert_same(old, whole)
    result = fanion("estimate", old, "--batches", 4, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("rule", ["neon", "0.5*fanion:k=2,passes=1 + 0.5*nsgd", "muon"])
def test_runs_go_on_with_the_defaults_that_they_began_with(tmp_path, rule):
    """Before schema 2 rules took two passes with four extra columns, and Muon float32."""
    then = {
        "neon": "neon:passes=2,oversample=4",
        "0.5*fanion:k=2,passes=1 + 0.5*nsgd": "0.5*fanion:k=2,passes=1,oversample=4 + 0.5*nsgd",
        "muon": "muon:ns_dtype=float32",
    }[rule]
    options = TINY | {
        "width": 256,
        "head-width": 64,
        "context": 16,
        "batch": 2,
        "eval-every": 2,
        "schedule": "constant",
    }
    options |= {"lr": 0.02}
    whole = train(tmp_path / "whole", options | {"optimizer": then, "steps": 8})
    run = train(tmp_path / "run", options | {"optimizer": then, "steps": 4})
    resume(without(run, schema=1, options=config(run)["options"] | {"optimizer": rule, "steps": 8}))
    assert_same(run, whole)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_plot(tmp_path, runs, name):
    result = fanion("plot", runs[name], "--out", "drawn.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_plot_of_a_run_without_a_figure(tmp_path, runs):
    old = without(shutil.copytree(runs["gpt"], tmp_path / "old"), "schema", "experiment", "figure")
    result = fanion("plot", old, "--out", "drawn.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"schema": 3}, ["config.json", "schema 3", "up to 2"]),
        ({"schema": "one"}, ["config.json", "schema", "one"]),
        ({"experiment": "bert"}, ["'bert'", "gpt", "least-squares"]),
        ({"experiment": 3}, ["no run of an experiment"]),
    ],
)
def test_configs_of_later_programs(tmp_path, runs, changes, words):
    without(shutil.copytree(runs["gpt"], tmp_path / "run"), **changes)
    refused(tmp_path, "estimate", "run", words=words)


def test_runs_of_another_experiment(tmp_path, runs):
    shutil.copytree(runs["least-squares"], tmp_path / "run")
    words = ["run of least-squares", "fanion train least-squares --resume run"]
    refused(tmp_path, "train", "gpt", "--resume", "run", words=words)
    refused(tmp_path, "train", "gpt", "--config", "run/config.json", words=['"least-squares"', "gpt"])
    refused(tmp_path, "sample", "run", words=["run of least-squares", "gpt"])


@pytest.mark.parametrize("name", SMALL)
def test_comparison(tmp_path, name):
    chosen = ["nsgd@0.01", "muon@0.01"]
    options = {key: value for key, value in SMALL[name].items() if key != "optimizer"}
    result = fanion("compare", name, "--out", "all", "--optimizers", *chosen, *flags(options), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    heading, _, *rows = (tmp_path / "all" / "table.txt").read_text().splitlines()
    columns = [
        q["column"] for q in config(next((tmp_path / "all").glob("*/config.json")).parent)["figure"]["quantities"]
    ]
    assert re.split(r"  +", heading)[:3] == ["optimizer", "lr", columns[0]]
    assert len(re.split(r"  +", heading)) == 5 + len(columns)
    assert len(rows) == 2
    again = fanion("compare", name, "--resume", "all", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("name", SMALL)
def test_estimate(runs, name):
    result = fanion("estimate", runs[name], "--batches", 4, "--smoothness-batches", 1, cwd=runs[name].parent)
    assert result.returncode == 0, result.stderr
    found = json.loads((runs[name] / "estimate.json").read_text())
    assert len(found["matrices"]) >= 1
    for matrix in found["matrices"]:
        rows, columns = matrix["shape"]
        assert rows >= 1 and columns >= 1 and matrix["gradient_dual_norm"] > 0
    if name == "least-squares":  # deterministic, and L = max a_i b_j < 1 in the Frobenius norm
        assert found["whole"]["sigma_squared"] == 0
        assert 0 < found["whole"]["L_along_random"] < 1


def test_a_run_of_another_device_is_read_on_the_cpu(tmp_path, runs):
    run = shutil.copytree(runs["gpt"], tmp_path / "run")
    recorded = config(run)
    recorded["options"]["device"] = "cuda:63"
    (run / "config.json").write_text(json.dumps(recorded))
    result = fanion("sample", run, "--length", 5, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
