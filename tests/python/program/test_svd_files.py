"""fanion svd on files: .npy arrays of every kind, and what is wrong with some."""

import math

import numpy as np
import pytest

from .running import refused
from .test_svd import run_of, svd


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f4", ">f8", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy(tmp_path, dtype, order, version):
    A = np.asarray(np.random.default_rng(0).standard_normal((30, 20)), dtype=dtype, order=order)
    with (tmp_path / "A.npy").open("wb") as file:
        np.lib.format.write_array(file, A, version=version)
    arguments = ["--matrix", "A.npy", "--k", 2, "--method", "dense", "--no-plots", "--repeat", 1]
    results, _ = svd(tmp_path / "run", *arguments, "--criterion", "residual")
    assert (results["rows"], results["cols"]) == (30, 20)
    assert results["options"]["dtype"] == ("float64" if A.itemsize == 8 else "float32")
    # The residual of the right factors of the wrong matrix would be of order 1; the sum checks the values.
    assert run_of(results, "dense", 2)["errors"]["residual"] < 1e-5
    exact = np.linalg.svd(A.astype(np.float64), compute_uv=False)
    frobenius = math.sqrt(sum(s * s for s in exact))
    assert results["frobenius"] == pytest.approx(frobenius, rel=1e-6)


@pytest.mark.parametrize("descr", ["<V2", "|V2"])
def test_bfloat16_npy(tmp_path, descr):
    # As ml_dtypes has NumPy write it: the upper halves of float32, in two bytes without a type of their own.
    A = np.random.default_rng(0).standard_normal((30, 20)).astype(np.float32)
    halves = (A.view(np.uint32) >> 16).astype("<u2")
    raw = npy(halves, tmp_path / "A.npy")
    (tmp_path / "A.npy").write_bytes(raw.replace(b"'<u2'", f"'{descr}'".encode()))
    arguments = ["--matrix", "A.npy", "--k", 2, "--method", "dense", "--no-plots", "--repeat", 1]
    results, _ = svd(tmp_path / "run", *arguments)
    exact = (halves.astype(np.uint32) << 16).view(np.float32)
    assert results["frobenius"] == pytest.approx(np.linalg.norm(exact.astype(np.float64)), rel=1e-6)


def npy(array, path):
    np.save(path, array)
    return path.read_bytes()


ARRAYS = {
    "integers": (np.ones((3, 3), np.int64), ["'<i8'", "'<f4'", "'<f8'"]),
    "big-endian integers": (np.ones((3, 3), ">i4"), ["'>i4'", "astype"]),
    "truth values": (np.ones((3, 3), bool), ["'|b1'", "astype"]),
    "long doubles": (np.ones((3, 3), np.longdouble), ["astype"]),
    "records": (np.ones(3, [("x", "<f4"), ("y", "<f4")]), ["structured", "astype"]),
    "objects": (np.array([[1, None]], dtype=object), ["'|O'", "astype"]),
    "complex": (np.ones((3, 3), np.complex64), ["'<c8'"]),
    "a vector": (np.ones(3, np.float32), ["[3]", "2 dimensions"]),
    "three dimensions": (np.ones((2, 2, 2), np.float32), ["[2, 2, 2]", "2 dimensions"]),
    "a number": (np.float32(1), ["2 dimensions"]),
    "empty": (np.ones((0, 3), np.float32), ["[0, 3]", "empty"]),
    "not finite": (np.array([[1, np.nan], [np.inf, 1]], np.float32), ["2 NaN or infinite", "out of 4"]),
}


@pytest.mark.parametrize("array, words", ARRAYS.values(), ids=ARRAYS)
def test_array(tmp_path, array, words):
    np.save(tmp_path / "A.npy", array)
    refused(tmp_path, "svd", "--out", "run", "--matrix", "A.npy", "--k", 1, words=["A.npy", *words])


def deep_npy(shape, data):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


DAMAGE = {
    "no npy": (lambda raw: b"a matrix of numbers", ["not a .npy file"]),
    "empty": (lambda raw: b"", ["not a .npy file"]),
    "version": (lambda raw: raw[:6] + b"\x09" + raw[7:], ["version 9", "1, 2 and 3"]),
    "no end of a string": (lambda raw: raw.replace(b"'shape'", b"'shape "), ["header is damaged", "without its end"]),
    "a key twice": (
        lambda raw: raw.replace(b"'fortran_order': False", b"'descr': '<f4'        "),
        ["'descr'", "second"],
    ),
    "neither true nor false": (lambda raw: raw.replace(b"False", b"Maybe"), ["True or False", "Maybe"]),
    "more after the dict": (lambda raw: raw.replace(b"}  ", b"} x"), ["after the dict"]),
    "a size of 21 digits": (lambda raw: raw.replace(b"(3, 3), }" + b" " * 19, b"(" + b"9" * 21 + b", 3), }"), ["2^63"]),
    "sizes whose product overflows": (
        lambda raw: raw.replace(b"(3, 3), }" + b" " * 26, b"(0, 4611686018427387904, 9), }     "),
        ["too large"],
    ),
    "many dimensions": (lambda raw: deep_npy("(" + "1, " * 65 + ")", raw[-4:]), ["65 dimensions", "64"]),
    "brackets without end": (lambda raw: deep_npy("(" * 60000, b""), ["header is damaged"]),
    "truncated header": (lambda raw: raw[:40], ["truncated"]),
    "truncated data": (lambda raw: raw[:-4], ["36 bytes", "32"]),
    "more data": (lambda raw: raw + b"more", ["36 bytes", "40"]),
    "no shape": (lambda raw: raw.replace(b"'shape'", b"'shame'"), ["'shape'"]),
    "negative shape": (lambda raw: raw.replace(b"(3, 3)", b"(3,-3)"), ["'shape'"]),
    "huge shape": (
        lambda raw: raw.replace(b"(3, 3), }" + b" " * 30, b"(999999999999, 999999999999), }" + b" " * 8),
        ["too large"],
    ),
}


@pytest.mark.parametrize("damage, words", DAMAGE.values(), ids=DAMAGE)
def test_damaged_npy(tmp_path, damage, words):
    raw = npy(np.ones((3, 3), np.float32), tmp_path / "A.npy")
    (tmp_path / "A.npy").write_bytes(damage(raw))
    refused(tmp_path, "svd", "--out", "run", "--matrix", "A.npy", "--k", 1, words=["A.npy", *words])
