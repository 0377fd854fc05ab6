"""The build backend: which torch a wheel is built for and requires."""

from pathlib import Path

import pytest

from fanion_program.built_for import torch_folder, torch_version
from scripts import build_backend as backend


@pytest.fixture(autouse=True)
def _state(monkeypatch):
    monkeypatch.setattr(backend, "_state", dict(backend._state))


def torch_of(folder, version):
    folder.mkdir()
    (folder / "version.py").write_text(f"__version__ = '{version}'\n")
    return folder


def hide_torch(monkeypatch, pythonpath):
    monkeypatch.setattr(backend, "target_torch", lambda: None)
    monkeypatch.setenv("PYTHONPATH", pythonpath)


def built(folder, monkeypatch):
    """What CMake is told, and the requirements of the wheel, for that torch."""
    told = {}

    def hook(directory, settings, *rest):
        told.update(settings)
        return "fanion.whl"

    assert backend._for_torch(hook)("dist", {backend.TORCH_DIR: str(folder)}) == "fanion.whl"
    return told, backend.dynamic_metadata({}, {})["dependencies"]


def test_the_torch_of_this_environment_is_found():
    assert backend.target_torch() == torch_folder()
    assert not any("torch" in needed for needed in backend.get_requires_for_build_wheel())


@pytest.mark.parametrize("version, minor", [("2.9.1+cu128", "2.9"), ("2.11.0", "2.11"), ("2.14.1", "2.14")])
def test_a_wheel_requires_the_minor_version_it_was_built_for(version, minor, tmp_path, monkeypatch):
    told, needed = built(torch_of(tmp_path / "torch", version), monkeypatch)
    assert told == {backend.TORCH_DIR: str(tmp_path / "torch")}
    assert needed == [f"torch=={minor}.*", "numpy"]


@pytest.mark.parametrize("version", ["2.8.0", "2.15.0+cpu", "3.0.0", "1.13.1"])
def test_an_unsupported_torch_is_named(version, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=rf"this is torch {version.replace('+', '.')} in .*install one of those"):
        built(torch_of(tmp_path / "torch", version), monkeypatch)


def test_the_sources_require_the_whole_range():
    backend._state.update(hook="sdist")
    assert backend.dynamic_metadata({}, {})["dependencies"][0] == "torch" + backend.versions()["supported"]
    assert backend.dynamic_wheel({}) == {"dependencies": True}


def test_pip_brings_the_default_where_there_is_none(monkeypatch):
    hide_torch(monkeypatch, "/tmp/pip-build-env-x1y2/site")
    default = backend.versions()["default"]
    assert f"torch=={default.rsplit('.', 1)[0]}.*" in backend.get_requires_for_build_wheel()


def test_tools_that_hide_the_environment_are_sent_to_no_build_isolation(monkeypatch):
    hide_torch(monkeypatch, "")
    with pytest.raises(SystemExit, match="--no-build-isolation"):
        backend.get_requires_for_build_wheel()
    with pytest.raises(SystemExit, match="--no-build-isolation"):
        backend.build_wheel("dist")


def test_the_environment_here_is_a_supported_one():
    assert backend.minor_of(backend.checked(torch_folder())) == ".".join(torch_version(torch_folder()).split(".")[:2])


def test_versions_stand_in_pyproject_alone():
    root = Path(__file__).parents[2]
    default = backend.versions()["default"]
    minor = default.rsplit(".", 1)[0]
    for file in [root / "CMakeLists.txt", *(root / "cmake").iterdir(), *(root / "scripts").glob("*.sh")]:
        assert minor not in file.read_text(), file
