"""CIFAR-10's binary files from images: what is written, and what is refused."""

import io
import json
import tarfile

import pytest

from fanion import _cifar10 as cifar10

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def png(colour, size=(32, 32)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def images(tmp_path):
    """Three training images and one test image, each of one colour."""
    folder = tmp_path / "images"
    for name, colour in {
        "train/cat/0000.png": (10, 20, 30),
        "train/airplane/0001.png": (1, 2, 3),
        "train/truck/0000.png": (255, 0, 128),
        "test/ship/0000.png": (7, 7, 7),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(colour))
    return folder


def packed(folder, mode="w:xz"):
    file = folder.with_suffix(".tar")
    with tarfile.open(file, mode) as tar:
        tar.add(folder, arcname="cifar")
    return file


def record(label, colour):
    return bytes([label]) + b"".join(bytes([channel]) * 1024 for channel in colour)


@pytest.mark.parametrize("mode", [None, "w", "w:gz", "w:xz"])
def test_prepare(tmp_path, images, mode):
    source = images if mode is None else packed(images, mode)
    counts = cifar10.prepare(source, tmp_path / "out")
    assert counts == {"data_batch_1.bin": 3, "test_batch.bin": 1}
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == counts
    # By name, then by class, so that classes are mixed.
    training = record(3, (10, 20, 30)) + record(9, (255, 0, 128)) + record(0, (1, 2, 3))
    assert (tmp_path / "out" / "data_batch_1.bin").read_bytes() == training
    assert (tmp_path / "out" / "test_batch.bin").read_bytes() == record(8, (7, 7, 7))


def test_official_files_are_taken_as_they_are(tmp_path, images):
    cifar10.prepare(images, tmp_path / "first")
    (tmp_path / "first" / "counts.json").unlink()
    cifar10.prepare(packed(tmp_path / "first"), tmp_path / "second")
    for name in ("data_batch_1.bin", "test_batch.bin"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def damage_unknown_class(images):
    (images / "train" / "cat").rename(images / "train" / "zebra")


def damage_size(images):
    (images / "train" / "cat" / "0000.png").write_bytes(png((1, 2, 3), (31, 32)))


def damage_bytes(images):
    (images / "test" / "ship" / "0000.png").write_bytes(b"no picture")


def damage_no_test(images):
    (images / "test" / "ship" / "0000.png").unlink()


def damage_names(images):
    for part in ("train", "test"):
        (images / part).rename(images / f"{part}ing")


DAMAGES = {
    "unknown class": (damage_unknown_class, ["zebra", "airplane"]),
    "size": (damage_size, ["cat/0000.png", "31 x 32"]),
    "no picture": (damage_bytes, ["ship/0000.png", "cannot be decoded"]),
    "no test images": (damage_no_test, ["test/CLASS/NAME.jpg"]),
    "other names": (damage_names, ["train/CLASS/NAME.jpg"]),
}


@pytest.mark.parametrize("damage, words", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("as_tar", [False, True], ids=["folder", "tar"])
def test_unusable_sources(tmp_path, images, damage, words, as_tar):
    damage(images)
    source = packed(images) if as_tar else images
    with pytest.raises(ValueError) as error:
        cifar10.prepare(source, tmp_path / "out")
    assert all(word in str(error.value) for word in [str(source), *words])
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("content", [b"", b"not a tar", None], ids=["empty", "text", "missing"])
def test_no_tar(tmp_path, content):
    source = tmp_path / "x.tar"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.tar"):
        cifar10.prepare(source, tmp_path / "out")


def test_truncated_tar(tmp_path, images):
    source = packed(images, "w:gz")
    source.write_bytes(source.read_bytes()[:-60])
    with pytest.raises(ValueError, match="is no tar that can be read"):
        cifar10.prepare(source, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_short_binary_file(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data_batch_1.bin").write_bytes(bytes(3072))
    with pytest.raises(ValueError, match="3072 bytes; an image has 3073"):
        cifar10.prepare(tmp_path / "in", tmp_path / "out")


def test_what_is_there_is_kept(tmp_path, images):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(ValueError, match="is there already"):
        cifar10.prepare(images, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_command_line(tmp_path, images, capsys):
    assert cifar10.main(["prepare", str(images), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"3 training and 1 test images: {tmp_path / 'out'}\n"
    assert cifar10.main(["prepare", str(images), str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fanion: ") and error.count("\n") == 1
