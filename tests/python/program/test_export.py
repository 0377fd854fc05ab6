"""`fanion export tensorboard`: event files, read here by the definition of their format."""

import struct

import pytest

from .running import fanion, metrics, refused, train
from .test_experiments import SMALL


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(raw):
    """The messages of a TFRecord file, each with its checksums verified."""
    while raw:
        length, length_crc = struct.unpack("<QI", raw[:12])
        assert length_crc == masked(raw[:8])
        data = raw[12 : 12 + length]
        assert struct.unpack("<I", raw[12 + length : 16 + length]) == (masked(data),)
        yield data
        raw = raw[16 + length :]


def varint(data):
    number = shift = 0
    for i, byte in enumerate(data):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, data[i + 1 :]
    raise ValueError("cut off")


def fields(data):
    """{number: value} of a protocol buffer message whose fields are single."""
    found = {}
    while data:
        key, data = varint(data)
        number, wire = key >> 3, key & 7
        if wire == 0:
            found[number], data = varint(data)
        elif wire == 2:
            length, data = varint(data)
            found[number], data = data[:length], data[length:]
        else:
            size, kind = {1: (8, "<d"), 5: (4, "<f")}[wire]
            (found[number],) = struct.unpack(kind, data[:size])
            data = data[size:]
    return found


def test_checksum():
    assert crc32c(b"123456789") == 0xE3069283


def test_event_file(tmp_path):
    options = SMALL["mlp"] | {"record": "norms@10", "lr": 0.01, "steps": 200, "eval-every": 100}
    run = train(tmp_path / "run", options, experiment="mlp")
    result = fanion("export", "tensorboard", f"{run}/", "--out", "board", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (file,) = (tmp_path / "board" / "run").iterdir()
    assert "tfevents" in file.name, "which is how TensorBoard finds it"
    version, *events = [fields(record) for record in records(file.read_bytes())]
    assert version[3] == b"brain.Event:2"
    seen = {}
    for event in events:
        value = fields(fields(event[5])[1])
        seen[value[1].decode(), event[2]] = value[2]
    for line in metrics(run):
        for key, number in line.items():
            if key != "step":
                tag = "training_loss" if key == "loss" else key
                assert seen[tag, line["step"]] == pytest.approx(number, rel=1e-6)
    assert seen["gradient_stable_rank/linear1.weight", 10] >= 1
    times = [event[1] for event in events if fields(fields(event[5])[1])[1] == b"training_loss"]
    assert times == sorted(times) and times[-1] > 0


def test_nothing_to_export(tmp_path):
    refused(tmp_path, "export", "tensorboard", "nowhere", words=["nowhere", "holds no run"])
    refused(tmp_path, "export", "tensorboard", words=["runs"])
    refused(tmp_path, "export", "wandb", "run", words=["wandb"])
