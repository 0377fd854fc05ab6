"""The table of step options is what every class takes and documents."""

import inspect
import subprocess
from pathlib import Path

import pytest
import torch

import fanion
from fanion._options import ADAMW_OPTIONS, STEP_OPTIONS, documented

DOCS = Path(__file__).parents[2] / "docs" / "conventions.md"


WITHOUT_LOW_RANK_PART = {
    *("Muon", "FMuon", "SMuon", "SchattenDescent", "NSGD", "Signum", "SignSGD", "GaussSouthwell"),
    *("SGD", "Cosmos"),
}


def a_value(option):
    """One that is not the table's default."""
    if option.allowed.startswith("0, 1, 2"):
        return 2
    if option.kind == "number":
        return 0.5
    if option.kind == "count":
        return 2
    if option.kind == "sizes":
        return (3, 3)
    if option.kind == "flag":
        return not option.default
    return option.allowed.split(", ")[-1]


@pytest.mark.parametrize("name", STEP_OPTIONS)
def test_every_class_takes_every_option_and_keeps_it_in_the_group(make, parameters, name):
    option = STEP_OPTIONS[name]
    if option.kind == "choice":
        with pytest.raises(ValueError, match=f"{name} = 'nothing'; choose one of: {option.allowed}"):
            make(parameters((6, 8)), **{name: "nothing"})
    if option.kind == "number":
        with pytest.raises(ValueError, match=f"{name} = -1 must"):
            make(parameters((6, 8)), **{name: -1})
    with pytest.raises(ValueError, match=f"{name}"):
        make(parameters((6, 8)), **{name: []})
    if name == "error_feedback" and getattr(make, "func", make).__name__ in WITHOUT_LOW_RANK_PART:
        with pytest.raises(ValueError, match="error_feedback needs a rule with one low-rank part"):
            make(parameters((6, 8)), error_feedback=True)
        return
    if name == "cosmos_rank" and getattr(make, "func", make) is fanion.Dion:  # which has error feedback
        with pytest.raises(ValueError, match="error_feedback and cosmos_rank = 2 exclude each other"):
            make(parameters((6, 8)), cosmos_rank=2)
        return
    if name == "interleaved":
        with pytest.raises(ValueError, match="interleaved says how split_sizes go on"):
            make(parameters((6, 8)), interleaved=True)
        return
    optimizer = make(parameters((6, 8)), **{name: a_value(option)})
    assert optimizer.param_groups[0][name] == a_value(option)
    optimizer.step()
    plain = make(parameters((6, 8)))
    default = inspect.signature(type(plain)).parameters[name].default
    assert plain.param_groups[0][name] == getattr(make, "keywords", {}).get(name, default)


def test_help_has_the_table():
    assert documented(STEP_OPTIONS.values()) in fanion.LmoOptimizer.__doc__
    for name in STEP_OPTIONS:
        assert f"`{name}` (" in fanion.LmoOptimizer.__doc__


def test_docs_have_the_table():
    text = DOCS.read_text()
    for option in STEP_OPTIONS.values():
        help = option.help.replace("|", r"\|")
        line = f"| `{option.name}` | `{option.initial}` | {option.allowed} | {help} |"
        assert line in text, f"{DOCS} lacks: {line}"


def test_adamw_options_reach_the_step(parameters):
    """Those of a group, one by one, change the second step."""
    for name in ADAMW_OPTIONS:
        if name == "nonfinite":
            continue
        stepped = []
        for value in (None, 0.5):
            p = parameters((5,))[0]
            optimizer = fanion.Muon([{"params": [p], "algorithm": "adamw"}])
            group = optimizer.param_groups[0]
            if value is not None and name in ("beta1", "beta2"):
                group["betas"] = (value, group["betas"][1]) if name == "beta1" else (group["betas"][0], value)
            elif value is not None:
                group[name] = value
            optimizer.step()
            p.grad = -2 * p.grad
            optimizer.step()
            stepped.append(p.detach())
        assert not torch.equal(*stepped), name


def test_the_programs_flags_are_the_table(tmp_path):
    program = fanion._library.PACKAGE / "bin" / "fanion"
    if not program.exists():
        pytest.skip("the program is not installed")
    shown = subprocess.run([program, "train", "gpt", "--help"], capture_output=True, text=True, check=True).stdout
    for name in STEP_OPTIONS.keys() - {"lr", "transposed", "flatten", "split_sizes", "num_heads", "interleaved"}:
        assert f"--{name.replace('_', '-')}" in shown, name
