"""docs/optimizers.md: its table is the registry's, and its ten lines run with each of its optimizers."""

import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import fanion
from fanion._options import STEP_OPTIONS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "optimizers.md").read_text()
PROGRAM, LINES, ELSEWHERE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
FIRST = next(line for line in PROGRAM.splitlines() if line.startswith("optimizer = "))
EXAMPLES = [line.split("#")[0].strip() for line in LINES.splitlines()]


def rules_table():
    spec = importlib.util.spec_from_file_location("rules_table", ROOT / "scripts" / "rules_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_ten_lines_train(example):
    names = {}
    begin, end = PROGRAM.split(FIRST)
    exec(begin + example, names)

    def loss():
        return torch.nn.functional.cross_entropy(names["model"](names["x"]), names["y"]).item()

    first, before = loss(), [p.detach().clone() for p in names["model"].parameters()]
    exec(end, names)
    assert loss() < first
    for p, q in zip(names["model"].parameters(), before, strict=True):
        assert not torch.equal(p, q)


@pytest.mark.parametrize("line", ELSEWHERE.splitlines())
def test_functions_for_the_optimizers_of_others(line):
    """What stands in for their classes gives back the function that it was handed."""

    def theirs(groups, newton_schulz_func=None, scaled_orthogonalize_fn=None):
        return scaled_orthogonalize_fn or (lambda M: newton_schulz_func(M, epsilon=torch.tensor(1e-8)))

    rule = fanion.norms.rule_from_name(re.search(r'rule_from_name\("(.*?)"\)`', TEXT)[1])
    packages = {"dion": SimpleNamespace(Muon=theirs)}
    packages["emerging_optimizers"] = SimpleNamespace(OrthogonalizedOptimizer=theirs)
    of_theirs = eval(line, {"fanion": fanion, "groups": [], "rule": rule, **packages})
    M = torch.randn(12, 20)
    D, (U, _, Vh) = of_theirs(M.clone()), torch.linalg.svd(M, full_matrices=False)
    assert D.shape == M.shape
    inner, nuclear = torch.sum(M * D).item(), torch.sum(M * (U @ Vh)).item()
    assert inner == pytest.approx(nuclear, rel=0.15)  # all of them are near Muon's step, or it


def test_every_class_has_its_line():
    exported = [name for name in fanion.__all__ if isinstance(getattr(fanion, name), type)]
    optimizers = {name for name in exported if issubclass(getattr(fanion, name), torch.optim.Optimizer)}
    assert {re.match(r"optimizer = fanion\.(\w+)\(", example)[1] for example in EXAMPLES} == optimizers - {"NuSAM"}
    assert "fanion.NuSAM(optimizer" in TEXT  # which wraps one
    assert len(PROGRAM.splitlines()) <= 12


def test_the_table_of_options_is_whole():
    """Every option of the step has its row, and the tests that it names are there."""
    table = TEXT.split("## Options of the step, by rule")[1]
    rows = re.findall(r"^\| (`.*?) \| .* \| (.*?) \|$", table, re.MULTILINE)
    found = [name for names, _ in rows for name in re.findall(r"`(\w+)`", names)]
    assert sorted(found) == sorted(STEP_OPTIONS)
    for _, tests in rows:
        files = re.findall(r"`([\w/]+\.\w+)`", tests)
        assert files
        assert all((ROOT / "tests" / file).is_file() for file in files), tests


def test_the_table_is_the_registrys():
    made = rules_table()
    assert made.page(TEXT) == TEXT, "python scripts/rules_table.py writes it again"
    assert {info.name for info in fanion.norms.rules()} == set(
        re.findall(r"^\| `([\w-]+)` \|", TEXT.split("## Options of the step, by rule")[0], re.MULTILINE)
    )


def test_classes_take_what_their_rule_takes():
    """Every option that the registry has for the rule of a class is a keyword of it, and no other is."""
    rules = {info.name: info for info in fanion.norms.rules()}
    for name in fanion.__all__:
        kind = getattr(fanion, name)
        if hasattr(kind, "_rule"):
            keys = re.sub(r"=[^,]*?( or (\w+))?(?=,|$)", r", \2", rules[kind._rule].keys)
            taken = {key for key in keys.split(", ") if key}
            assert set(kind._keys) == taken, name
