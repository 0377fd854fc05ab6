"""Texts and shards that cannot be trained on: one line on standard error, a non-zero exit, and nothing written."""

import pytest

from .running import TINY, flags, refused
from .shards import shard

DATA = {
    "empty text": ("text.txt", b"", ["empty"]),
    "text shorter than the context": ("text.txt", b"To be, or not to be", ["context of 32"]),
    "empty shard": ("tokens.bin", b"", ["empty"]),
    "truncated header": ("tokens.bin", shard([])[:1000], ["1000 bytes", "header"]),
    "truncated tokens": ("tokens.bin", shard([1] * 1000)[:-2], ["1000 tokens", "3024 bytes", "3022"]),
    "wrong magic": ("tokens.bin", shard([1] * 1000, magic=20240521), ["magic", "20240521", "20240520"]),
    "Llama 3's shard": ("tokens.bin", shard([1] * 1000, magic=20240801, version=7), ["20240801", "Llama 3", "32 bits"]),
    "an evaluation": ("tokens.bin", shard([1] * 1000, magic=20240522), ["20240522", "HellaSwag", "20240520"]),
    "a model": ("tokens.bin", shard([1] * 1000, magic=20240326, version=3), ["20240326", "model checkpoints"]),
    "a tokenizer": ("tokens.bin", shard([1] * 1000, magic=20240328, version=2), ["20240328", "tokenizers"]),
    "wrong version": ("tokens.bin", shard([1] * 1000, version=2), ["version 2"]),
    "no tokens": ("tokens.bin", shard([]), ["0 tokens"]),
    "token outside the vocabulary": ("tokens.bin", shard([299] * 999 + [300]), ["token 300", "vocabulary of 300"]),
    "shard shorter than the context": ("tokens.bin", shard([1] * 50), ["context of 32"]),
}


@pytest.mark.parametrize("name, content, words", DATA.values(), ids=DATA)
def test_data(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    options = TINY | {"vocabulary": 300, "data": name}
    refused(tmp_path, "train", "gpt", "--out", "run", *flags(options), words=words)


def test_data_that_is_not_there(tmp_path):
    train_gpt = ["train", "gpt", "--out", "run", *flags(TINY)]
    refused(tmp_path, *train_gpt, "--data", "nothing.txt", words=["nothing.txt", "no such file"])
    refused(tmp_path, *train_gpt, "--data", tmp_path, words=[str(tmp_path), "no training data"])
    (tmp_path / "text.txt").write_text("To be, or not to be\n" * 100)
    with_text = [*train_gpt, "--data", "text.txt", "--validation-data"]
    refused(tmp_path, *with_text, tmp_path, words=[str(tmp_path), "not a file"])
    refused(tmp_path, *train_gpt, "--validation-data", "nothing.txt", words=["nothing.txt", "no such file"])


def test_text_and_shards_do_not_mix(tmp_path):
    (tmp_path / "tokens.bin").write_bytes(shard([1] * 1000))
    refused(tmp_path, "train", "gpt", "--out", "run", *flags(TINY), "--validation-data", "tokens.bin", words=["shards"])
