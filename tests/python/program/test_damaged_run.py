"""A run whose checkpoint or options are damaged is refused by name, and goes on once they are whole."""

import json
import shutil

import pytest

from . import safetensors
from .running import assert_same, config, refused, resume, train


def flip_a_bit(raw):
    middle = len(raw) * 2 // 3
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


def header_with(change):
    def damage(raw):
        header, data = safetensors.split(raw)
        change(header)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data

    return damage


def fractions(entry):
    entry["data_offsets"] = [offset + 0.5 for offset in entry["data_offsets"]]


CHECKPOINT = {
    "bit flipped": (flip_a_bit, ["checksum"]),
    "truncated": (lambda raw: raw[:-100], ["truncated"]),
    "truncated in the header": (lambda raw: raw[:100], ["truncated"]),
    "empty": (lambda raw: b"", ["truncated"]),
    "enormous header": (lambda raw: b"\xff" * 8 + raw[8:], ["truncated or no safetensors"]),
    "header no JSON": (lambda raw: raw[:8] + b"[" + raw[9:], ["header"]),
    "offsets": (header_with(lambda h: h["model.head"].update(data_offsets=[0, 4])), ["model.head"]),
    "offsets of text": (header_with(lambda h: h["model.head"].update(data_offsets="all")), ["model.head", '"all"']),
    "fractions for offsets": (header_with(lambda h: fractions(h["model.head"])), ["model.head", ".5"]),
    "truth values for offsets": (header_with(lambda h: h["model.head"].update(data_offsets=[False, True])), ["false"]),
    "negative offsets": (header_with(lambda h: h["model.head"].update(data_offsets=[-4, 4])), ["-4"]),
    "three offsets": (header_with(lambda h: h["model.head"]["data_offsets"].append(9)), ["an array of 3"]),
    "overlap": (header_with(lambda h: h["model.head"].update(data_offsets=[0, 32768])), ["model.head", "damaged"]),
    "a gap": (header_with(lambda h: h.pop("model.embedding")), ["damaged"]),
    "a fraction in a shape": (
        header_with(lambda h: h["model.head"].update(shape=[256.0, 32])),
        ["model.head", "256.0"],
    ),
    "an enormous shape": (header_with(lambda h: h["model.head"].update(shape=[2**40, 2**40])), ["too large"]),
    "no dtype": (header_with(lambda h: h["model.head"].pop("dtype")), ["model.head", "dtype"]),
    "metadata of numbers": (header_with(lambda h: h["__metadata__"].update(step=20)), ["step"]),
    "deep header": (lambda raw: (4000).to_bytes(8, "little") + b"[" * 4000 + raw[8:], ["32 levels"]),
    "negative shape": (header_with(lambda h: h["model.head"].update(shape=[-1, 32])), []),
    "dtype": (header_with(lambda h: h["model.head"].update(dtype="F8")), ["F8"]),
    "other shape": (header_with(lambda h: h["model.head"].update(shape=[32, 256])), ["model.head"]),
    "no step": (header_with(lambda h: h["__metadata__"].pop("step")), ["step"]),
    "step no number": (header_with(lambda h: h["__metadata__"].update(step="many")), ["step", "many"]),
    "step a fraction": (header_with(lambda h: h["__metadata__"].update(step="2.5")), ["step", "2.5"]),
    "step of 70 bits": (header_with(lambda h: h["__metadata__"].update(step=str(2**70))), ["step", str(2**70)]),
    "seconds infinite": (header_with(lambda h: h["__metadata__"].update(seconds="inf")), ["seconds", "inf"]),
}


@pytest.mark.parametrize("damage, words", CHECKPOINT.values(), ids=CHECKPOINT)
def test_damaged_checkpoint(tmp_path, run, damage, words):
    file = run / "checkpoint.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    words = ["checkpoint.safetensors", *words]
    refused(tmp_path, "train", "gpt", "--resume", "run", words=words)


def test_sample_of_a_damaged_checkpoint(tmp_path, run):
    file = run / "checkpoint.safetensors"
    file.write_bytes(flip_a_bit(file.read_bytes()))
    refused(tmp_path, "sample", "run", words=["checkpoint.safetensors", "checksum"])


def test_checkpoint_of_another_run(tmp_path, run):
    other = train(tmp_path / "other", optimizer="adamw")
    shutil.copy(other / "checkpoint.safetensors", run)
    refused(tmp_path, "train", "gpt", "--resume", "run", words=["checkpoint.safetensors", "another model or optimizer"])


def test_sample_of_a_run_without_checkpoint(tmp_path, run):
    (run / "checkpoint.safetensors").unlink()
    refused(tmp_path, "sample", "run", words=["run", "no checkpoint"])


CONFIG = {
    "empty": lambda text: "",
    "no options": lambda text: "{}",
    "list of options": lambda text: '{"options": []}',
    "option unknown": lambda text: text.replace('"steps"', '"stepz"'),
    "option of the wrong type": lambda text: text.replace('"steps": 20', '"steps": "twenty"'),
    "option out of range": lambda text: text.replace('"steps": 20', '"steps": -20'),
    "data gone": lambda text: text.replace("tinyshakespeare", "tinymarlowe"),
}


@pytest.mark.parametrize("damage", CONFIG.values(), ids=CONFIG)
def test_damaged_config(tmp_path, run, damage):
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(damage(text))
    assert damage(text) != text
    refused(tmp_path, "train", "gpt", "--resume", "run")


def test_refused_resume_leaves_a_usable_run(tmp_path, run):
    # What was refused above was refused before anything of the run changed: with the damage undone it goes on.
    whole = shutil.copytree(run, tmp_path / "whole")
    good = (run / "checkpoint.safetensors").read_bytes()
    (run / "checkpoint.safetensors").write_bytes(flip_a_bit(good))
    refused(tmp_path, "train", "gpt", "--resume", "run")
    (run / "checkpoint.safetensors").write_bytes(good)
    resume(run)
    assert_same(run, whole)
    assert config(run) == config(whole)
