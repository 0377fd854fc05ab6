"""Folders of texts and shards: what `fanion data prepare text` makes is what `fanion train gpt --data` reads."""

import json
import shutil

import pytest

from .running import PLOTS, TINY, config, fanion, flags, losses, metrics, refused, resume, train, validation_losses
from .shards import shard

TOKENS = [(7 * i) % 300 for i in range(1200)]
SHARDS = TINY | {"vocabulary": 300, "steps": 4}


@pytest.fixture
def folder(tmp_path):
    """Three shards of training and one of validation, as modded-nanogpt's are called, and a file that is neither."""
    made = tmp_path / "fineweb"
    made.mkdir()
    for i, part in enumerate([TOKENS[:100], TOKENS[100:500], TOKENS[500:1000]], 1):
        (made / f"fineweb_train_{i:06d}.bin").write_bytes(shard(part))
    (made / "fineweb_val_000000.bin").write_bytes(shard(TOKENS[1000:]))
    (made / "README.txt").write_text("not data")
    return made


def test_shards_of_a_folder_are_one_stream(tmp_path, folder):
    (tmp_path / "all.bin").write_bytes(shard(TOKENS[:1000]))
    (tmp_path / "val.bin").write_bytes(shard(TOKENS[1000:]))
    ours = train(tmp_path / "ours", SHARDS, data="fineweb/")
    whole = train(tmp_path / "whole", SHARDS, data="all.bin", validation_data="val.bin")
    assert metrics(ours) == metrics(whole)
    assert config(ours)["options"]["data"] == str(folder)


def test_a_folder_without_validation_gives_its_last_tenth(tmp_path, folder):
    (folder / "fineweb_val_000000.bin").unlink()
    (tmp_path / "all.bin").write_bytes(shard(TOKENS[:1000]))
    ours = train(tmp_path / "ours", SHARDS, data="fineweb")
    assert validation_losses(ours) == validation_losses(train(tmp_path / "whole", SHARDS, data="all.bin"))


def test_pieces_of_a_batch_add_up(tmp_path, folder):
    options = TINY | {"vocabulary": 300, "steps": 3, "optimizer": "nsgd", "lr": 0.01, "eval-every": 3}
    whole = train(tmp_path / "whole", options, data="fineweb")
    parts = train(tmp_path / "parts", options, data="fineweb", pieces=4)
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)
    assert validation_losses(parts) == pytest.approx(validation_losses(whole), rel=1e-5)
    refused(tmp_path, "train", "gpt", "--out", "run", *flags(options), "--pieces", 3, words=["--pieces 3", "--batch 4"])


def test_prepared_text_is_trained_on(tmp_path):
    (tmp_path / "a.txt").write_text("To be, or not to be.\n" * 40)
    (tmp_path / "b.txt").write_text("That is the question.\n" * 40)
    made = fanion("data", "prepare", "text", "a.txt", "b.txt", "--out", "text", cwd=tmp_path, env=PLOTS)
    assert made.returncode == 0, made.stderr
    assert "training and" in made.stdout
    run = train(tmp_path / "run", TINY | {"steps": 4}, data="text")
    assert config(run)["data"]["data"]["bytes"] == 40 * (21 + 22)
    sampled = fanion("sample", "run", "--length", 5, cwd=tmp_path)
    assert sampled.returncode == 0, sampled.stderr


def test_bad_preparation_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("To be")
    result = fanion("data", "prepare", "text", "a.txt", "b.txt", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["fanion: b.txt: no such file"]
    assert not (tmp_path / "text").exists()


def test_bad_folders(tmp_path, folder):
    make = ["train", "gpt", "--out", "run", *flags(SHARDS), "--data"]
    (folder / "more_train.txt").write_text("text")
    refused(tmp_path, *make, "fineweb", words=["fineweb", "shards and text", "more_train.txt"])
    (folder / "more_train.txt").unlink()
    whole = (folder / "fineweb_train_000002.bin").read_bytes()
    (folder / "fineweb_train_000002.bin").write_bytes(whole[:-2])
    refused(tmp_path, *make, "fineweb", words=["fineweb_train_000002.bin", "400 tokens"])
    for file in folder.glob("*.bin"):
        file.unlink()
    refused(tmp_path, *make, "fineweb", words=["fineweb", "no training data", "*train*.bin"])


def test_a_run_is_refused_other_shards(tmp_path, folder):
    run = train(tmp_path / "run", SHARDS, data="fineweb")
    changed = config(run)
    changed["options"]["steps"] = 6
    (run / "config.json").write_text(json.dumps(changed))
    other = shutil.copytree(folder, tmp_path / "kept") / "fineweb_train_000003.bin"
    (folder / other.name).write_bytes(shard(TOKENS[499:999]))
    refused(tmp_path, "train", "gpt", "--resume", "run", words=["fineweb", "not the file"])
    shutil.copy(other, folder / other.name)
    resume(run)
