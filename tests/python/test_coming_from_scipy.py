"""What docs/coming-from-scipy.md says to write runs, and finds what the other library's line does."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import fanion

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-scipy.md"
ROWS = re.findall(r"^\| `([^`]+)` \| `?([^`|]+)", PAGE.read_text(), re.MULTILINE)
K = 3


def matrix():
    A = np.random.default_rng(8).standard_normal((60, 40))
    return (A * 0.6 ** np.arange(40.0)) @ np.linalg.qr(np.random.default_rng(9).standard_normal((40, 40)))[0]


def values_of(found):
    """Descending singular values, where the line gives them."""
    if isinstance(found, tuple):
        found = found[1]
    found = np.atleast_1d(np.asarray(found))
    return np.sort(found)[::-1][:K] if found.ndim == 1 else None


@pytest.mark.parametrize(("there", "here"), ROWS, ids=[there for there, _ in ROWS])
def test_row(there, here):
    if here.startswith("none"):
        pytest.skip("has no counterpart")
    svds = pytest.importorskip("scipy.sparse.linalg").svds
    pytest.importorskip("scipy.linalg")
    A = matrix()
    names = {"fanion": fanion, "torch": torch, "numpy": np, "scipy": sys.modules["scipy"], "svds": svds, "k": K}
    names |= {"v": np.ones(40), "M": torch.zeros(60, 40, dtype=torch.float64) + 0.1}
    ours = eval(here, names | {"A": A, "v": torch.ones(40, dtype=torch.float64)})
    if there.startswith("sklearn"):
        names["sklearn"] = pytest.importorskip("sklearn")
        pytest.importorskip("sklearn.decomposition")
        pytest.importorskip("sklearn.utils.extmath")
    theirs = eval(there, names | {"A": torch.from_numpy(A) if there.startswith("torch") else A})
    if values_of(ours) is not None:
        np.testing.assert_allclose(values_of(ours), values_of(theirs), rtol=2e-2)
    elif isinstance(ours, torch.Tensor) and not there.startswith("torch"):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-8)


def test_there_are_rows():
    assert len(ROWS) > 15
