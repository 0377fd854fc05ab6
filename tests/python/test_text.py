"""Shards and bytes from texts: what is written, and what is refused."""

import json
import struct
from pathlib import Path

import pytest

from fanion import _text as text

# GPT-2's byte-pair encoding of its own files, cut to the tokens of these tests: single bytes, and two merges.
LETTERS = [chr(c) for c in range(ord("!"), ord("~") + 1)] + ["Ġ", "Ċ"]
MERGES = ["t h", "th e"]
VOCABULARY = {token: i for i, token in enumerate([*LETTERS, "th", "the", "<|endoftext|>"])}
GPT2 = Path(__file__).parents[3] / "shared" / "data" / "gpt2-bpe"


def tokens_of(shard):
    header = struct.unpack("<256i", shard[:1024])
    assert header[:2] == (20240520, 1) and header[3:] == (0,) * 253
    assert len(shard) == 1024 + 2 * header[2]
    return list(struct.unpack(f"<{header[2]}H", shard[1024:]))


@pytest.fixture
def bpe(tmp_path):
    folder = tmp_path / "bpe"
    folder.mkdir()
    (folder / "encoder.json").write_text(json.dumps(VOCABULARY))
    (folder / "vocab.bpe").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
    return folder


def ids(*tokens):
    return [VOCABULARY[token] for token in tokens]


def test_bytes(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(10)))
    (tmp_path / "b").write_bytes(b"\xff" * 20)
    sizes = text.prepare([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert sizes == {"text_train.txt": 27, "text_val.txt": 3}
    assert (tmp_path / "out" / "text_train.txt").read_bytes() == bytes(range(9)) + b"\xff" * 18
    assert (tmp_path / "out" / "text_val.txt").read_bytes() == b"\x09\xff\xff"


def test_tokens_by_a_small_bpe(tmp_path, bpe):
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    (tmp_path / "a.txt").write_text("the hat the")
    (tmp_path / "b.txt").write_text("a\n")
    text.prepare(
        [tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path / "out", tokenizer="gpt2", bpe=bpe, validation=0.25, shard=4
    )
    files = {file.name: tokens_of(file.read_bytes()) for file in (tmp_path / "out").iterdir()}
    # Each text begins with the token between texts, and gives its last quarter, rounded down, to the validation.
    first = ids("<|endoftext|>", "the", "Ġ", "h", "a", "t", "Ġ", "the")
    second = ids("<|endoftext|>", "a", "Ċ")
    whole = first[:6] + second
    assert files == {
        "text_train_000001.bin": whole[:4],
        "text_train_000002.bin": whole[4:8],
        "text_train_000003.bin": whole[8:],
        "text_val_000000.bin": first[6:],
    }


@pytest.mark.skipif(not GPT2.is_dir(), reason="GPT-2's files are not here")
def test_tokens_of_gpt2(tmp_path):
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    (tmp_path / "a.txt").write_text("Hello world, it's me")
    text.prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer="gpt2", bpe=GPT2, validation=0)
    # Published for GPT-2: "Hello world" is 15496 995.
    found = tokens_of((tmp_path / "out" / "text_train_000001.bin").read_bytes())
    assert found == [50256, 15496, 995, 11, 340, 338, 502]


def test_tokens_do_not_outgrow_16_bits(tmp_path, bpe, monkeypatch):
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    (tmp_path / "a.txt").write_text("the")
    monkeypatch.setattr(text, "LARGEST_VOCABULARY", len(VOCABULARY) - 1)
    with pytest.raises(ValueError, match=f"{len(VOCABULARY)} tokens.*16 bits"):
        text.prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer="gpt2", bpe=bpe)


REFUSED = {
    "no such file": ({"files": ["nothing.txt"]}, "nothing.txt: no such file"),
    "an empty file": ({"files": ["empty.txt"]}, "empty.txt: the file is empty"),
    "a fraction": ({"validation": 1.0}, "--validation 1.0"),
    "no shard": ({"shard": 0}, "--shard 0"),
    "there already": ({"out": "."}, "is there already"),
}
REFUSED_TOKENIZERS = {
    "an unknown tokenizer": ({"tokenizer": "gpt3"}, "gpt3.*bytes, gpt2 or a tokenizer.json"),
    "no such vocabulary": ({"tokenizer": "gpt2", "bpe": "."}, "holds no encoder.json and vocab.bpe or vocab.json"),
    "another encoding": ({"tokenizer": "gpt2", "bpe": "bpe", "files": ["latin.txt"]}, "latin.txt: byte 3 is not utf-8"),
    "a broken tokenizer.json": ({"tokenizer": "a.txt"}, "a.txt: is no tokenizer.json"),
}


@pytest.mark.parametrize(
    "name, change, message",
    [(name, *case) for name, case in (REFUSED | REFUSED_TOKENIZERS).items()],
    ids=[*REFUSED, *REFUSED_TOKENIZERS],
)
def test_refused(tmp_path, bpe, monkeypatch, name, change, message):
    if name in REFUSED_TOKENIZERS:
        pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("the")
    Path("empty.txt").write_text("")
    Path("latin.txt").write_bytes(b"caf\xe9")
    before = sorted(tmp_path.rglob("*"))
    arguments = {"files": ["a.txt"], "out": "out"} | change
    arguments |= {key: Path(arguments[key]) for key in ("out", "bpe") if key in arguments}
    with pytest.raises(ValueError, match=message):
        text.prepare([Path(file) for file in arguments.pop("files")], arguments.pop("out"), **arguments)
    assert sorted(tmp_path.rglob("*")) == before
