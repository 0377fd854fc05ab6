"""CIFAR-10 as the official binary files, which the experiments read.

``python -m fanion._cifar10 prepare SOURCE OUT`` is what ``fanion data prepare cifar10`` calls, ``download OUT`` what
``fanion data download cifar10`` calls. A record is a byte of label and 3072 bytes of pixels: red, green, blue, each row
by row (cs.toronto.edu/~kriz/cifar.html).
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fanion._data_command import report

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGES_PER_FILE = 10_000
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
LARGEST_FILE = IMAGES_PER_FILE * RECORD  # bytes; no file of either kind is larger
BINARY = re.compile(r"data_batch_[1-9]\.bin|test_batch\.bin")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CHECKSUM = "md5:c32a1d4ab5d03f1284b67883e8d87530"  # as cs.toronto.edu/~kriz/cifar.html gives it


def entries(source: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Names and contents of the binary files and images in a folder or a tar of any compression.

    Raises ValueError, naming the source, where it is neither, or a file in it is larger than any of CIFAR-10's.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file() and _wanted(path.name):
                _check_size(path.stat().st_size, str(path))
                yield PurePosixPath(path.relative_to(source.parent)), path.read_bytes()
        return
    if not source.is_file():
        raise ValueError(f"{source}: no such file or folder")
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                if not member.isfile() or not _wanted(PurePosixPath(member.name).name):
                    continue
                _check_size(member.size, f"{source}: {member.name}")
                stream = tar.extractfile(member)
                assert stream is not None, "regular files have contents"
                yield PurePosixPath(member.name), stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{source}: is no tar that can be read: {error}") from error


def _wanted(name: str) -> bool:
    return BINARY.fullmatch(name) is not None or name.lower().endswith(IMAGE_ENDINGS)


def _check_size(size: int, name: str) -> None:
    if size > LARGEST_FILE:
        raise ValueError(f"{name}: {size} bytes; no file of CIFAR-10 has more than {LARGEST_FILE}")


def decoded(name: str, content: bytes) -> bytes:
    """The 3072 bytes of an image. Raises ValueError, naming it, where it cannot be decoded or is not 32 x 32."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.size != (32, 32):
                width, height = image.size
                raise ValueError(f"{name}: an image of {width} x {height}; those of CIFAR-10 are 32 x 32")
            red, green, blue = image.convert("RGB").split()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{name}: cannot be decoded: {error}") from error
    planes: bytes = red.tobytes() + green.tobytes() + blue.tobytes()
    return planes


def records_of(source: Path) -> dict[str, list[bytes]]:
    """Records of the training and the test images: official files as they are, images with the classes mixed.

    Images are told by their names, .../train/CLASS/NAME.jpg and .../test/CLASS/NAME.jpg. Raises ValueError, naming what
    is wrong, where there are none of either, a class is unknown, or a binary file is cut off.
    """
    binaries: dict[str, bytes] = {}
    images: dict[str, list[tuple[str, int, bytes]]] = {"train": [], "test": []}
    for path, content in entries(source):
        if BINARY.fullmatch(path.name):
            if len(content) % RECORD or not content:
                raise ValueError(f"{source}: {path}: {len(content)} bytes; an image has {RECORD}")
            binaries[path.name] = content
        elif len(path.parts) >= 3 and path.parts[-3] in images:
            if path.parts[-2] not in CLASSES:
                raise ValueError(f"{source}: {path}: unknown class '{path.parts[-2]}'; they are {', '.join(CLASSES)}")
            label = CLASSES.index(path.parts[-2])
            record = bytes([label]) + decoded(f"{source}: {path}", content)
            images[path.parts[-3]].append((path.name, label, record))
    if binaries:
        training = [binaries[name] for name in sorted(binaries) if name != "test_batch.bin"]
        parts = {"train": b"".join(training), "test": binaries.get("test_batch.bin", b"")}
        records = {part: [raw[i : i + RECORD] for i in range(0, len(raw), RECORD)] for part, raw in parts.items()}
    else:
        records = {part: [record for _, _, record in sorted(found)] for part, found in images.items()}
    for part, found in records.items():
        if not found:
            raise ValueError(
                f"{source}: holds no images by the names {part}/CLASS/NAME.jpg or .png, and no official binary files"
            )
    return records


def prepare(source: Path, out: Path) -> dict[str, int]:
    """Writes the folder `out` with data_batch_N.bin, test_batch.bin and counts.json; returns the numbers of images.

    Nothing is left behind where it fails. Raises ValueError where the source is unusable or `out` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: is there already")
    records = records_of(source)
    training = records["train"]
    files = {
        f"data_batch_{i // IMAGES_PER_FILE + 1}.bin": training[i : i + IMAGES_PER_FILE]
        for i in range(0, len(training), IMAGES_PER_FILE)
    }
    files["test_batch.bin"] = records["test"]
    counts = {name: len(part) for name, part in files.items()}
    half = out.with_name(out.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        for name, part in files.items():
            (half / name).write_bytes(b"".join(part))
        (half / "counts.json").write_text(json.dumps(counts, indent=1) + "\n")
        half.replace(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return counts


def download(out: Path) -> dict[str, int]:
    """The same from the official archive, whose checksum is verified; pooch keeps it in its cache."""
    import pooch

    return prepare(Path(pooch.retrieve(URL, known_hash=CHECKSUM, progressbar=False)), out)


def main(arguments: list[str] | None = None) -> int:
    """The command line; one line on standard error and 2 where no folder could be made."""
    parser = argparse.ArgumentParser(prog="python -m fanion._cifar10", description="Make a folder of CIFAR-10.")
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="from images or official files in a folder or a tar")
    preparing.add_argument("source", type=Path)
    preparing.add_argument("out", type=Path)
    downloading = commands.add_parser("download", help="from cs.toronto.edu")
    downloading.add_argument("out", type=Path)
    given = parser.parse_args(arguments)

    def make() -> str:
        counts = prepare(given.source, given.out) if given.command == "prepare" else download(given.out)
        test = counts.pop("test_batch.bin")
        return f"{sum(counts.values())} training and {test} test images: {given.out}"

    return report(make)


if __name__ == "__main__":
    sys.exit(main())
