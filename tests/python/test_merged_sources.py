"""CMake compiles several files as one: what a file calls its own, no other file may call so too."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{$", re.MULTILINE)
UNNAMED = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.MULTILINE | re.DOTALL)
TYPES_AND_CONSTANTS = re.compile(
    r"^(?:(?:struct|class|enum class) (\w+)[^;]*\{"
    r"|(?:inline |static )?(?:constexpr|const) [^=(]*?\b(k[A-Z]\w*)\b(?:\[\])? ?[={]|using (\w+) =)",
    re.MULTILINE,
)
FUNCTIONS = re.compile(r"^\w[\w:<>,&* ]*?[ &*](\w+)\(([^()]*)\) (?:const )?\{", re.MULTILINE)


def names_in(text):
    """What may be there once: types, constants, and functions with the types of their arguments."""
    yield from (next(filter(None, found.groups())) for found in TYPES_AND_CONSTANTS.finditer(text))
    for name, arguments in FUNCTIONS.findall(text):
        types = [re.sub(r"\s*\b\w+\s*(=.*)?$", "", each.strip()) for each in arguments.split(",")]
        yield f"{name}({', '.join(types)})"


def places(folder, one_by_one=()):
    """(namespace, name): the files whose unnamed namespace has it, and the headers that have it for all."""
    found = defaultdict(set)
    for file in sorted((REPOSITORY / folder).rglob("*.cpp")):
        namespace = NAMESPACE.search(text := file.read_text())
        if namespace and file.name not in one_by_one:
            for unnamed in UNNAMED.finditer(text):
                for name in names_in(unnamed[1]):
                    found[namespace[1], name].add(file.name)
    for file in (REPOSITORY / folder).rglob("*.h"):
        namespace = NAMESPACE.search(text := file.read_text())
        for name in names_in(text) if namespace else ():
            if (namespace[1], name) in found:
                found[namespace[1], name].add(file.name)
    return found


@pytest.mark.parametrize("folder", ["lib", "app", "tests/cpp"])
def test_names_of_unnamed_namespaces_are_one_files(folder):
    found = places(folder, one_by_one=("loop_table.cpp", "pair_loops.cpp"))
    assert len(found) > 50
    twice = {"::".join(key): sorted(files) for key, files in found.items() if len(files) > 1}
    assert twice == {}
