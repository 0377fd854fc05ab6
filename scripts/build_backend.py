"""The build backend: scikit-build-core's, told which torch to build for, and the wheel's requirements.

libfanion is linked with libtorch's C++ interface, which changes with every minor version: a wheel fits one of them and
requires it. Built for is the torch

1. in the folder that `--config-settings=cmake.define.FANION_TORCH_DIR=FOLDER` names,
2. that this process imports: with --no-build-isolation, the environment's,
3. of the environment that pip installs into; pip hides it from this process, but its interpreter finds it,
4. of the default version, where pip's environment has none; pip then installs it there too.

Tools that build elsewhere (uv, build) do not say what they install into: they are refused unless they work without
isolation.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from scikit_build_core import build

from fanion_program.built_for import torch_folder, torch_version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Settings = dict[str, Any] | None

TORCH_DIR = "cmake.define.FANION_TORCH_DIR"
PROBE = (
    "import importlib.util as u; spec = u.find_spec('torch'); print(spec.submodule_search_locations[0] if spec else '')"
)
_state = {"hook": "wheel", "torch": ""}  # what dynamic_metadata, which scikit-build-core calls, must know


def versions() -> dict[str, str]:
    """`supported` and `default` of pyproject.toml's [tool.fanion.torch]."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    table: dict[str, str] = tomllib.loads(text)["tool"]["fanion"]["torch"]
    return table


def minor_of(version: Version) -> str:
    """Major and minor, as "2.13"."""
    return f"{version.major}.{version.minor}"


def target_torch() -> Path | None:
    """The folder of the torch that is built for (2 and 3 above), or None."""
    here = torch_folder()
    if here is not None:
        return here
    found = subprocess.run([sys.executable, "-E", "-c", PROBE], capture_output=True, text=True, check=True, cwd="/")
    return Path(found.stdout.strip()) if found.stdout.strip() else None


def checked(folder: Path) -> Version:
    """Its version; ends with a message where that is not supported."""
    version, supported = Version(torch_version(folder)), versions()["supported"]
    if minor_of(version) not in SpecifierSet(supported):
        sys.exit(f"fanion builds with torch {supported}, this is torch {version} in {folder}; install one of those")
    return version


def default_requirement() -> list[str]:
    """What pip shall bring where there is no torch; ends with a message under tools that hide whether there is one."""
    if "pip-build-env" not in os.environ.get("PYTHONPATH", ""):
        sys.exit(
            "fanion is built against the torch of the environment that it is installed into, which cannot be seen from "
            f"{sys.prefix}: install torch {versions()['supported']} and scikit-build-core there and turn build "
            "isolation off (pip, uv: --no-build-isolation; build: --no-isolation)"
        )
    return [f"torch=={minor_of(Version(versions()['default']))}.*"]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """CMake and Ninja where they are missing; the default torch where there is none."""
    needed = build.get_requires_for_build_wheel(config_settings)
    if TORCH_DIR in (config_settings or {}):
        return needed
    folder = target_torch()
    if folder is None:
        return [*needed, *default_requirement()]
    checked(folder)
    return needed


def _for_torch(hook: Callable[..., str]) -> Callable[..., str]:
    """The hook with CMake told where torch is."""

    def run(directory: str, config_settings: Settings = None, *rest: Any) -> str:
        settings = dict(config_settings or {})
        folder = settings.get(TORCH_DIR) or target_torch()
        if not folder:
            default_requirement()
            sys.exit("fanion: the torch that was asked for is not here")
        settings[TORCH_DIR] = str(folder)
        _state.update(hook="wheel", torch=minor_of(checked(Path(folder))))
        return hook(directory, settings, *rest)

    return run


build_wheel = _for_torch(build.build_wheel)
prepare_metadata_for_build_wheel = _for_torch(build.prepare_metadata_for_build_wheel)
get_requires_for_build_sdist = build.get_requires_for_build_sdist


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """The sources, which fit every supported torch."""
    _state.update(hook="sdist")
    return build.build_sdist(sdist_directory, config_settings)


def dynamic_metadata(settings: Mapping[str, Any], project: Mapping[str, Any]) -> dict[str, Any]:
    """The requirements: a wheel's torch is the one it was built for."""
    torch = f"=={_state['torch']}.*" if _state["hook"] == "wheel" else versions()["supported"]
    return {"dependencies": [f"torch{torch}", "numpy"]}


def dynamic_wheel(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Which fields differ between the sources and a wheel."""
    return {"dependencies": True}
