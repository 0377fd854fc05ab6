"""The experiments on CIFAR-10: the images that come with the program, folders of others, and bad data."""

import math
import shutil

import pytest

from .running import PLOTS, config, executable, fanion, flags, losses, metrics, refused, train
from .test_experiments import SMALL

SAMPLE = executable().resolve().parent.parent / "share" / "data" / "cifar10-sample"
RECORD = 3073


def validations(run):
    return [line for line in metrics(run) if "validation_loss" in line]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_learns_the_sample(tmp_path, name):
    run = train(tmp_path / "run", SMALL[name] | {"steps": 40, "eval-every": 40}, experiment=name)
    assert losses(run)[0] == pytest.approx(math.log(10), abs=0.3)
    assert losses(run)[-1] < losses(run)[0] - 0.15
    first, last = validations(run)
    assert last["validation_loss"] < first["validation_loss"]
    assert all(0 <= line["accuracy"] <= 1 for line in (first, last))
    # Epochs are whole batches: 300 images give 9 of 32.
    assert config(run)["figure"]["x"] == {"label": "epochs", "per_step": pytest.approx(1 / 9)}


def test_epochs(tmp_path):
    options = {key: value for key, value in SMALL["mlp"].items() if key != "steps"}
    run = train(tmp_path / "run", options | {"epochs": 2}, experiment="mlp")
    assert config(run)["options"]["steps"] == 18


def test_dropout_is_of_the_training_alone(tmp_path):
    runs = [train(tmp_path / f"{p}", SMALL["cnn"] | {"dropout": p, "steps": 2}, experiment="cnn") for p in (0, 0.5)]
    assert validations(runs[0])[0] == validations(runs[1])[0]
    assert losses(runs[0])[0] != losses(runs[1])[0]


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SAMPLE, tmp_path / "data")


def test_a_folder_of_ones_own(tmp_path, folder):
    run = train(tmp_path / "run", SMALL["mlp"], experiment="mlp", data=folder)
    shipped = train(tmp_path / "shipped", SMALL["mlp"], experiment="mlp")
    assert losses(run) == losses(shipped)
    assert config(run)["options"]["data"] == str(folder)


def shorten(folder):
    file = folder / "data_batch_1.bin"
    file.write_bytes(file.read_bytes()[:-1])


def shorten_by_an_image(folder):
    file = folder / "test_batch.bin"
    file.write_bytes(file.read_bytes()[:-RECORD])


def label_out_of_range(folder):
    file = folder / "data_batch_1.bin"
    raw = bytearray(file.read_bytes())
    raw[7 * RECORD] = 10
    file.write_bytes(raw)


def counts(text):
    return lambda folder: (folder / "counts.json").write_text(text)


DAMAGES = {
    "short": (shorten, ["data_batch_1.bin", "921899 bytes", "921900"]),
    "an image short": (shorten_by_an_image, ["test_batch.bin", "304227 bytes", "100 images"]),
    "label": (label_out_of_range, ["data_batch_1.bin", "image 7", "label 10", "0 to 9"]),
    "no counts": (lambda folder: (folder / "counts.json").unlink(), ["10000 images"]),
    "counts no JSON": (counts("{"), ["counts.json"]),
    "counts negative": (counts('{"data_batch_1.bin": -1}'), ["counts.json", "-1"]),
    "no test file": (lambda folder: (folder / "test_batch.bin").unlink(), ["test_batch.bin"]),
    "no training file": (lambda folder: (folder / "data_batch_1.bin").unlink(), ["data_batch_1.bin"]),
    "gone": (shutil.rmtree, ["no such folder", "fanion data"]),
}


@pytest.mark.parametrize("damage, words", DAMAGES.values(), ids=DAMAGES)
def test_bad_data(tmp_path, folder, damage, words):
    damage(folder)
    refused(tmp_path, "train", "mlp", "--out", "run", *flags(SMALL["mlp"]), "--data", folder, words=words)


OPTIONS = {
    "batch": ("mlp", {"batch": 301}, ["--batch 301", "300"]),
    "no batch": ("cnn", {"batch": 0}, ["--batch 0"]),
    "width": ("mlp", {"width": 0}, ["--width 0"]),
    "channels": ("cnn", {"channels": -1}, ["--channels -1"]),
    "dropout": ("cnn", {"dropout": 1}, ["--dropout 1", "[0, 1)"]),
    "epochs": ("mlp", {"epochs": -1}, ["--epochs -1"]),
    "k": ("mlp", {"optimizer": "fanion:k=11", "lr": 0.1}, ["k = 11", "10 x "]),
}


@pytest.mark.parametrize("name, changes, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, name, changes, words):
    refused(tmp_path, "train", name, "--out", "run", *flags(SMALL[name] | changes), words=words)


def test_data_command(tmp_path):
    pytest.importorskip("PIL", reason="Pillow is not installed")
    result = fanion("data", "prepare", "cifar10", SAMPLE, "--out", "mine", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "300 training and 100 test images: mine\n"
    assert (tmp_path / "mine" / "test_batch.bin").read_bytes() == (SAMPLE / "test_batch.bin").read_bytes()
    result = fanion("data", "prepare", "cifar10", "nothing.tar", "--out", "none", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 1
    assert "nothing.tar: no such file" in result.stderr
    assert not (tmp_path / "none").exists()
