"""The run that most of these tests look at, resume or damage."""

import shutil

import pytest

from .running import train


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of the default options but for its size; nothing may change it."""
    return train(tmp_path_factory.mktemp("finished") / "run")


@pytest.fixture
def run(tmp_path, finished):
    """A finished run to damage or go on with."""
    return shutil.copytree(finished, tmp_path / "run")
