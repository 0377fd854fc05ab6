"""A run goes on with the data it was made with, and with no others."""

import json
import shutil

import pytest

from .running import TINY, assert_same, config, fanion, flags, refused, resume, snapshot, train
from .shards import shard

TEXT = "To be, or not to be, that is the question:\n" * 100


def fnv1a64(data):
    """The hash by its definition."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:x}"


@pytest.fixture
def run(tmp_path):
    """A run of 10 steps, whose config asks for 20."""
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(TEXT[::-1])
    made = train(tmp_path / "run", TINY | {"steps": 10}, data="text.txt", validation_data="other.txt")
    changed = config(made)
    changed["options"]["steps"] = 20
    (made / "config.json").write_text(json.dumps(changed))
    return made


def test_size_and_hash_are_recorded(tmp_path, run):
    assert config(run)["data"] == {
        "data": {"bytes": len(TEXT), "fnv1a64": fnv1a64(TEXT.encode())},
        "validation_data": {"bytes": len(TEXT), "fnv1a64": fnv1a64(TEXT[::-1].encode())},
    }


CHANGES = {
    "a byte of the training data": ("text.txt", TEXT[:1000] + "X" + TEXT[1001:]),
    "two bytes change places": ("text.txt", TEXT[1] + TEXT[0] + TEXT[2:]),
    "a shorter text": ("text.txt", TEXT[:-1]),
    "the validation data": ("other.txt", TEXT),
}


@pytest.mark.parametrize("name, text", CHANGES.values(), ids=CHANGES)
def test_other_data_are_refused(tmp_path, run, name, text):
    good = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text)
    words = [str(tmp_path / name), "not the file", str(len(text)), fnv1a64(text.encode()), "config.json"]
    refused(tmp_path, "train", "gpt", "--resume", "run", words=words)
    refused(tmp_path, "estimate", "run", words=words)
    (tmp_path / name).write_text(good)
    resume(run)


def test_other_shard_is_refused(tmp_path):
    (tmp_path / "tokens.bin").write_bytes(shard([i % 100 for i in range(3000)]))
    train(tmp_path / "run", data="tokens.bin", vocabulary=300)
    (tmp_path / "tokens.bin").write_bytes(shard([(i + 1) % 100 for i in range(3000)]))
    refused(tmp_path, "train", "gpt", "--resume", "run", words=["tokens.bin", "not the file"])


def test_same_data_in_another_place_go_on(tmp_path, run):
    whole = train(tmp_path / "whole", data="text.txt", validation_data="other.txt")
    for name, option in [("text.txt", "data"), ("other.txt", "validation_data")]:
        (tmp_path / name).rename(tmp_path / f"moved-{name}")
        changed = config(run)
        changed["options"][option] = str(tmp_path / f"moved-{name}")
        (run / "config.json").write_text(json.dumps(changed))
    resume(run)
    assert snapshot(run)["checkpoint.safetensors"]
    assert (run / "metrics.jsonl").read_text().count("\n") == (whole / "metrics.jsonl").read_text().count("\n")


def test_run_of_an_older_version_goes_on(tmp_path):
    whole = train(tmp_path / "whole")
    run = shutil.copytree(whole, tmp_path / "run")
    older = config(run)
    del older["data"]
    (run / "config.json").write_text(json.dumps(older))
    (run / "checkpoint.safetensors").unlink()
    resume(run)
    assert_same(run, whole)


@pytest.mark.parametrize("data", [[], [3], {"data": 3}, {"data": None}, 3], ids=str)
def test_damaged_record_is_said(tmp_path, data):
    run = train(tmp_path / "run", steps=2)
    (run / "config.json").write_text(json.dumps(config(run) | {"data": data}))
    if data == []:
        resume(run)
    else:
        refused(tmp_path, "train", "gpt", "--resume", "run", words=["config.json", "damaged"])


def test_comparison_on_other_data_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    options = TINY | {"data": "text.txt"}
    made = fanion("compare", "gpt", "--out", "all", "--optimizers", "nsgd", *flags(options), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "text.txt").write_text(TEXT.swapcase())
    refused(tmp_path, "compare", "gpt", "--resume", "all", words=["text.txt", "not the file"])
