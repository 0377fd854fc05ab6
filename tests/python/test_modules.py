"""The rooms of the package: what may be imported by others, and no module that needs one which needs it."""

import ast
from graphlib import TopologicalSorter

import pytest
import torch

import fanion
from fanion._library import PACKAGE

# Those of public functions, what `python -m fanion` runs, and those of the optimizers' classes, which pickles name.
CLASSES = [kind for name, kind in vars(fanion).items() if name in fanion.__all__ and isinstance(kind, type)]
PUBLIC = {"linalg", "norms", "decomposition", "scaling", "figures", "__main__"}
PUBLIC |= {kind.__module__.split(".")[1] for kind in CLASSES if issubclass(kind, torch.optim.Optimizer)}


def modules():
    """File by name, such as "fanion.figures.svd"."""
    files = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(["fanion", *file.relative_to(PACKAGE).with_suffix("").parts]) for file in files]
    return dict(zip((name.removesuffix(".__init__") for name in names), files, strict=True))


def imports(file, known):
    """Names of the package's modules that a file imports anywhere, for type checking and inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found.update(inside or {node.module})
    return found & known


def test_no_import_circle():
    files = modules()
    assert len(files) > 20
    # Raises CycleError, which names the circle.
    TopologicalSorter({name: imports(file, files.keys()) for name, file in files.items()}).prepare()


def test_a_circle_would_be_found(tmp_path):
    known = {"fanion.a", "fanion.b"}
    (tmp_path / "a.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fanion.b import B\n")
    (tmp_path / "b.py").write_text("def f():\n    from fanion import a\n")
    circle = {f"fanion.{name}": imports(tmp_path / f"{name}.py", known) for name in "ab"}
    with pytest.raises(ValueError, match="cycle"):
        TopologicalSorter(circle).prepare()


def test_internal_modules_are_underscored():
    own = {name.split(".")[1] for name in modules() if "." in name}
    assert {name for name in own if not name.startswith("_") or name.startswith("__")} == PUBLIC
