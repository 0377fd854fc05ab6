"""airbench beside an obvious version of its recipe in PyTorch, on the images that come with the program."""

import math
import signal

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from .airbench_reference import LAYERS, SMALL, images_of, trained
from .running import (
    assert_same,
    checkpoint,
    config,
    flags,
    losses,
    metrics,
    refused,
    resume,
    start,
    stop,
    train,
    wait_for_step,
)


def held(run):
    """The model of a run's checkpoint by name."""
    return {
        name.removeprefix("model."): torch.frombuffer(bytearray(stored.data), dtype=torch.float32).view(stored.shape)
        for name, stored in checkpoint(run).tensors.items()
        if name.startswith("model.")
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("airbench") / "run", SMALL, experiment="airbench")


def test_is_the_recipe(run):
    expected, validation = trained(held(run)["whitening.weight"])  # whose signs are anyone's choice
    assert losses(run) == pytest.approx(expected, rel=1e-5)
    last = metrics(run)[-1]
    assert last["validation_loss"] == pytest.approx(validation[0], rel=1e-5)
    # One image of 100 may lie between two classes.
    assert last["accuracy"] == pytest.approx(validation[1], abs=0.011)
    assert last["augmented_accuracy"] == pytest.approx(validation[2], abs=0.011)


def test_whitened_patches_are_uncorrelated(run):
    """Of what a run's checkpoint holds."""
    images, _ = images_of("data_batch_1.bin")
    filters = held(run)["whitening.weight"]
    answers = F.conv2d(images, filters[:12]).permute(0, 2, 3, 1).reshape(-1, 12).double()
    moments = answers.T @ answers / len(answers)
    patches = F.conv2d(images, torch.eye(12).view(12, 3, 2, 2)).permute(0, 2, 3, 1).reshape(-1, 12).double()
    eigenvalues = torch.linalg.eigvalsh(patches.T @ patches / len(patches))
    expected = torch.diag(eigenvalues / (eigenvalues + 5e-4))
    torch.testing.assert_close(moments, expected, atol=2e-3, rtol=0)
    torch.testing.assert_close(filters[12:], -filters[:12])


def test_parameters_are_those_of_the_network(tmp_path):
    """As many as airbench94_muon.py's network learns."""
    run = train(tmp_path / "run", {"batch": 2, "steps": 1, "views": 1, "threads": 1}, experiment="airbench")
    model = held(run)
    widths = [24, 64, 64, 256, 256, 256, 256]
    assert model["whitening.bias"].numel() == 24
    assert model["head.weight"].shape == (10, 256)
    for i, (group, part) in enumerate(LAYERS):
        assert model[f"group{group}.conv{part}.weight"].shape == (widths[i + 1], widths[i], 3, 3)
        for name in ("bias", "mean", "variance"):
            assert model[f"group{group}.norm{part}.{name}"].numel() == widths[i + 1]
    assert config(run)["options"]["lr"] == 0.24  # the one tuned for Muon
    assert config(run)["options"]["dtype"] == "bfloat16"


def test_weights_are_normalised(run):
    model = held(run)
    for group, part in LAYERS:
        weight = model[f"group{group}.conv{part}.weight"]
        assert float(weight.norm()) == pytest.approx(math.sqrt(len(weight)), rel=1e-5)


def test_whitening_bias_stays_after_its_epochs(tmp_path):
    biases = []
    for steps in (5, 8):
        options = SMALL | {"steps": steps, "schedule": "constant"}
        run = train(tmp_path / f"{steps}", options, experiment="airbench")
        biases.append(held(run)["whitening.bias"])
    torch.testing.assert_close(biases[0], biases[1], atol=0, rtol=0)  # 1.5 epochs of 3 steps: the fifth is the last


@pytest.mark.parametrize("views", [1, 2])
def test_views(tmp_path, run, views):
    """Fewer views of the test images change the augmented accuracy alone."""
    other = train(tmp_path / "run", SMALL, experiment="airbench", views=views)
    assert losses(other) == losses(run)
    last, whole = metrics(other)[-1], metrics(run)[-1]
    assert (last["validation_loss"], last["accuracy"]) == (whole["validation_loss"], whole["accuracy"])
    if views == 1:
        assert last["augmented_accuracy"] == last["accuracy"]


def test_bfloat16(tmp_path, run):
    """Rounds, and is the same recipe: the first losses agree within that rounding."""
    other = train(tmp_path / "run", SMALL, experiment="airbench", dtype="bfloat16")
    assert losses(other) != losses(run)
    assert losses(other)[:3] == pytest.approx(losses(run)[:3], rel=2e-2)


def test_kill_and_resume(tmp_path):
    """Running means, too, go on where they were."""
    options = SMALL | {"batch": 30, "views": 1, "steps": 24, "eval-every": 8, "checkpoint-every": 7}
    whole = train(tmp_path / "whole", options, experiment="airbench")
    process = start("train", "airbench", "--out", tmp_path / "run", *flags(options), cwd=tmp_path)
    wait_for_step(process, tmp_path / "run", 10)
    stop(process, signal.SIGKILL)
    resume(tmp_path / "run", "airbench")
    assert_same(tmp_path / "run", whole)


def test_clipping_where_a_gradient_is_missing(tmp_path):
    run = train(tmp_path / "run", SMALL, experiment="airbench", clip=1.0)
    assert len(losses(run)) == SMALL["steps"]


BAD = {
    "channels": ({"channels": 23}, ["--channels 23", "24"]),
    "dtype": ({"dtype": "int8"}, ["--dtype", "int8", "bfloat16"]),
    "views": ({"views": 3}, ["--views 3", "1, 2 or 6"]),
    "whitening epochs": ({"whitening-epochs": 0}, ["--whitening-epochs 0"]),
    "decay": ({"decay": -1}, ["--decay -1"]),
    "momentum": ({"rest-momentum": 1}, ["momentum = 1"]),
    "head": ({"head-lr": -1}, ["--head_lr -1"]),
}


@pytest.mark.parametrize("changes, words", BAD.values(), ids=BAD)
def test_option(tmp_path, changes, words):
    refused(tmp_path, "train", "airbench", "--out", "run", *flags(SMALL | changes), words=words)
