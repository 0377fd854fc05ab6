"""Texts as training and validation data for the GPT: token shards, or bytes.

``python -m fanion._text FILE... --out FOLDER`` is what ``fanion data prepare text`` calls. A shard is what llm.c and
modded-nanogpt read and write: 256 numbers of 32 bits (magic 20240520, version 1, count of tokens, zeros), then 16 bits
a token, little-endian (github.com/karpathy/llm.c, dev/data/data_common.py).
"""

from __future__ import annotations

import argparse
import array
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fanion._data_command import report

MAGIC, VERSION, HEADER_NUMBERS = 20240520, 1, 256
LARGEST_VOCABULARY = 1 << 16
END_OF_TEXT = "<|endoftext|>"
# GPT-2's own names of its vocabulary and merges, and those that Hugging Face gives them.
BPE_FILES = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))


@dataclass
class Encoding:
    """What turns a text into tokens: its size, the token between texts (None: there is none), and the function."""

    vocabulary: int
    end_of_text: int | None
    encode: Callable[[str], list[int]]


def encoding_of(tokenizer: str, bpe: Path | None) -> Encoding:
    """``gpt2``, from the two files in `bpe` (without it from the Hugging Face hub), or a tokenizer.json.

    Raises ValueError, naming what is missing or too large for 16 bits a token.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers

    if tokenizer == "gpt2" and bpe is not None:
        for vocabulary, merges in BPE_FILES:
            if (bpe / vocabulary).is_file() and (bpe / merges).is_file():
                break
        else:
            names = " or ".join(f"{vocabulary} and {merges}" for vocabulary, merges in BPE_FILES)
            raise ValueError(f"{bpe}: holds no {names}")
        found = Tokenizer(models.BPE.from_file(str(bpe / vocabulary), str(bpe / merges)))
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif tokenizer == "gpt2":
        try:
            found = Tokenizer.from_pretrained("gpt2")
        except Exception as error:  # whatever the hub's client raises where there is no network
            raise ValueError(
                f"the tokenizer gpt2 could not be had from huggingface.co: {error}; --bpe FOLDER"
            ) from error
    elif Path(tokenizer).is_file():
        try:
            found = Tokenizer.from_file(tokenizer)
        except Exception as error:  # tokenizers raises bare Exceptions
            raise ValueError(f"{tokenizer}: is no tokenizer.json that can be read: {error}") from error
    else:
        raise ValueError(f"--tokenizer {tokenizer}: choose bytes, gpt2 or a tokenizer.json; there is no such file")
    size = found.get_vocab_size()
    if size > LARGEST_VOCABULARY:
        raise ValueError(f"--tokenizer {tokenizer}: {size} tokens; a shard has 16 bits a token, {LARGEST_VOCABULARY}")
    return Encoding(size, found.token_to_id(END_OF_TEXT), lambda text: list(found.encode(text).ids))


def text_of(file: Path, encoding: str) -> str:
    """A file's text, line ends as they are. Raises ValueError, naming file and byte, where it is not in `encoding`."""
    try:
        return file.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: byte {error.start} is not {encoding}; --encoding latin-1 reads any") from error
    except LookupError as error:
        raise ValueError(f"--encoding {encoding}: {error}") from error


def shard_bytes(tokens: list[int]) -> bytes:
    """A shard of these tokens."""
    header = struct.pack(f"<{HEADER_NUMBERS}i", MAGIC, VERSION, len(tokens), *[0] * (HEADER_NUMBERS - 3))
    numbers = array.array("H", tokens)
    if sys.byteorder == "big":
        numbers.byteswap()
    return header + numbers.tobytes()


def split(count: int, validation: float) -> int:
    """How many of `count` tokens are for training: the first ones."""
    return count - int(count * validation)


def token_files(
    files: list[Path], encoding: Encoding, text_encoding: str, validation: float, shard: int
) -> dict[str, bytes]:
    """Shards of `files` by name. Each text begins with the token between texts; its end is for validation."""
    training: list[int] = []
    held_out: list[int] = []
    for file in files:
        tokens = encoding.encode(text_of(file, text_encoding))
        if encoding.end_of_text is not None:
            tokens.insert(0, encoding.end_of_text)
        cut = split(len(tokens), validation)
        training += tokens[:cut]
        held_out += tokens[cut:]
    parts = [training[i : i + shard] for i in range(0, len(training), shard)]
    named = {f"text_train_{i:06d}.bin": shard_bytes(part) for i, part in enumerate(parts, 1)}
    if held_out:
        named["text_val_000000.bin"] = shard_bytes(held_out)
    return named


def byte_files(files: list[Path], validation: float) -> dict[str, bytes]:
    """The bytes of `files`, one after the other; the end of each is for validation."""
    contents = [file.read_bytes() for file in files]
    cuts = [split(len(content), validation) for content in contents]
    named = {"text_train.txt": b"".join(content[:cut] for content, cut in zip(contents, cuts, strict=True))}
    held_out = b"".join(content[cut:] for content, cut in zip(contents, cuts, strict=True))
    if held_out:
        named["text_val.txt"] = held_out
    return named


def prepare(
    files: list[Path],
    out: Path,
    tokenizer: str = "bytes",
    bpe: Path | None = None,
    text_encoding: str = "utf-8",
    validation: float = 0.1,
    shard: int = 100_000_000,
) -> dict[str, int]:
    """Writes the folder `out` for ``fanion train gpt --data``; returns the size of each file in it, in bytes.

    Nothing is left behind where it fails. Raises ValueError where a file or option is unusable or `out` is not empty.
    """
    if not 0 <= validation < 1:
        raise ValueError(f"--validation {validation} must lie in 0 to below 1")
    if shard < 1:
        raise ValueError(f"--shard {shard} must be at least 1")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: is there already")
    for file in files:
        if not file.is_file():
            raise ValueError(f"{file}: no such file")
        if file.stat().st_size == 0:
            raise ValueError(f"{file}: the file is empty")
    if tokenizer == "bytes":
        contents = byte_files(files, validation)
    else:
        contents = token_files(files, encoding_of(tokenizer, bpe), text_encoding, validation, shard)
    half = out.with_name(out.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        for name, content in contents.items():
            (half / name).write_bytes(content)
        half.replace(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return {name: len(content) for name, content in contents.items()}


def main(arguments: list[str] | None = None) -> int:
    """The command line; one line on standard error and 2 where no folder could be made."""
    parser = argparse.ArgumentParser(prog="python -m fanion._text", description="Make data of texts.")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", default="bytes")
    parser.add_argument("--bpe", type=Path)
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--validation", type=float, default=0.1)
    parser.add_argument("--shard", type=int, default=100_000_000)
    o = parser.parse_args(arguments)

    def make() -> str:
        sizes = prepare(o.files, o.out, o.tokenizer, o.bpe, o.encoding, o.validation, o.shard)
        unit, per, header = ("bytes", 1, 0) if o.tokenizer == "bytes" else ("tokens", 2, 4 * HEADER_NUMBERS)
        train, val = (
            sum((size - header) // per for name, size in sizes.items() if part in name) for part in ("train", "val")
        )
        return f"{train} training and {val} validation {unit}: {o.out}"

    return report(make)


if __name__ == "__main__":
    sys.exit(main())
