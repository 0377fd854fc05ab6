"""`fanion theory`: the lemmas' numbers, the trial of Lemma 7, and bad input."""

import math
import re

import pytest

from fanion import norms

from .running import fanion, refused

PROBLEM = ["--eps", 0.5, "--L", 2, "--delta0", 3]


def theory(tmp_path, *arguments):
    result = fanion("theory", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    return result.stdout


def number(out, quantity):
    return float(re.search(rf"^{quantity} = (\S+)", out, re.MULTILINE)[1])


def rows(out):
    """The table's lines by their first column, as lists of the others."""
    lines = out[out.index("---") :].split("\n\n")[0].splitlines()[1:]
    cells = [re.split(r" {2,}", line.strip()) for line in lines]
    return {first: rest for first, *rest in cells}


def test_lemma_6(tmp_path):
    out = theory(tmp_path, *PROBLEM, "--rho", 1)
    assert "Lemma 6" in out
    assert (number(out, "eta"), number(out, "alpha"), number(out, "K")) == (0.25, 1, 48)
    assert rows(out)["2 L delta0/eps^2"] == ["K", "48", "yes"]


def test_lemma_7_shows_each_term(tmp_path):
    out = theory(tmp_path, *PROBLEM, "--rho", 2, "--sigma", 1)
    assert rows(out) == {
        "eps/(3 L)": ["eta", "0.0833333"],
        "eps^3/(192 rho^2 sigma^2 L)": ["eta", "8.13802e-05", "yes"],
        "1": ["alpha", "1"],
        "eps^2/(16 rho^2 sigma^2)": ["alpha", "0.00390625", "yes"],
        "12 rho sigma/eps": ["K", "48"],
        "192 rho^3 sigma^3/eps^3": ["K", "12288"],
        "18 L delta0/eps^2": ["K", "432"],
        "1152 L delta0 rho^2 sigma^2/eps^4": ["K", "442368", "yes"],
    }
    assert "(momentum 0.996094)" in out
    total = float(re.search(r" = (\S+) <= eps", out)[1])
    assert total <= 0.5


def test_rho_is_that_of_the_norm(tmp_path):
    out = theory(tmp_path, *PROBLEM, "--sigma", 1, "--norm", "spectral", "--shape", "6,4")
    assert "rho = 2\n" in out
    assert number(out, "K") == 442368
    mixed = theory(tmp_path, *PROBLEM, "--sigma", 1, "--norm", "0.5*spectral + 0.5*frobenius", "--shape", "6,4")
    assert "rho = 1.5\n" in mixed


def test_check_holds_for_every_norm(tmp_path):
    checks = rows(theory(tmp_path, "--check", "--shape", "4,3", "--seeds", 2))
    for name, (rho, used, L, kind, _, alpha, K, looseness, mean, least, holds) in checks.items():
        assert holds == "yes"
        assert 0 < float(used) <= 1
        assert kind in ("exact", "a bound")
        assert float(least) <= float(mean) <= 1, name
        assert float(K) > 100 and float(rho) > 0 and float(L) > 0 and float(alpha) == 0.25
        assert 1 < float(looseness) < math.inf
    # Every norm of the registry is one of them, by its own name or that of the norm it is.
    names = {norms.norm_from_name(text).name for rule in norms.rules() if rule.is_norm for text in rule.examples}
    assert len(names) >= 18
    assert names == {norms.norm_from_name(text).name for text in checks}


def test_check_of_one_norm_is_reproducible(tmp_path):
    arguments = ["--check", "--norm", "nuclear", "--shape", "5,4", "--seeds", 1, "--accuracy", 0.6]
    first, again = (theory(tmp_path, *arguments) for _ in range(2))
    assert first == again
    assert list(rows(first)) == ["nuclear"]
    assert theory(tmp_path, *arguments, "--seed", 5) != first


def test_check_of_few_rows_takes_a_smaller_k(tmp_path):
    checks = rows(theory(tmp_path, "--check", "--shape", "2,8", "--seeds", 1, "--accuracy", 0.6))
    assert {"ky_fan_dual:k=2", "ky_fan:k=2", "f-fanion:k=2,svd=auto"} <= set(checks)


TRIALS = ["--check", "--shape", "4,3"]
OPTIONS = {
    "no eps": (["--L", 1, "--delta0", 1, "--rho", 1], ["--eps is required", "--check"]),
    "no L": (["--eps", 1, "--delta0", 1, "--rho", 1], ["--L is required"]),
    "no delta0": (["--eps", 1, "--L", 1, "--rho", 1], ["--delta0 is required"]),
    "no rho": (PROBLEM, ["--rho", "--norm", "--shape"]),
    "norm without shape": ([*PROBLEM, "--norm", "spectral"], ["--shape"]),
    "unknown norm": ([*PROBLEM, "--norm", "spectre", "--shape", "4,3"], ["'spectre'", "spectral"]),
    "no norm": ([*PROBLEM, "--norm", "d-fanion:k=1", "--shape", "4,3"], ["d-fanion:k=1", "no norm"]),
    "norm too large": ([*PROBLEM, "--norm", "ky_fan_dual:k=5", "--shape", "4,3"], ["k = 5"]),
    "two norms": ([*PROBLEM, "--norm", "spectral", "nuclear", "--shape", "4,3"], ["one norm", "2"]),
    "rho and norm": ([*PROBLEM, "--rho", 3, "--norm", "nonsense", "--shape", "0,0"], ["--rho", "--norm"]),
    "rho and shape": ([*PROBLEM, "--rho", 3, "--shape", "4,3"], ["--rho", "--shape"]),
    "shape": ([*PROBLEM, "--norm", "spectral", "--shape", "4,0"], ["--shape 4,0", "positive"]),
    "shape of one number": ([*PROBLEM, "--norm", "spectral", "--shape", "4"], ["--shape"]),
    "eps": (["--eps", 0, "--L", 1, "--delta0", 1, "--rho", 1], ["eps = 0", "positive"]),
    "negative sigma": ([*PROBLEM, "--rho", 1, "--sigma", -1], ["sigma = -1"]),
    "negative delta0": (["--eps", 1, "--L", 1, "--delta0", -1, "--rho", 1], ["delta0 = -1"]),
    "out of range": (["--eps", 1e-200, "--L", 1, "--delta0", 1, "--rho", 1], ["rescale"]),
    "check with constants": (["--check", "--L", 2], ["--L", "--check"]),
    # `refused` allows one line alone on standard error: no trial of frobenius has begun.
    "check of an unknown norm": ([*TRIALS, "--norm", "frobenius", "spectre"], ["'spectre'"]),
    "check of a norm too large": ([*TRIALS, "--norm", "frobenius", "ky_fan_dual:k=5"], ["k = 5"]),
    "trial without check": ([*PROBLEM, "--rho", 1, "--seeds", 2], ["--check"]),
    "accuracy": (["--check", "--accuracy", 1], ["--accuracy 1"]),
    "noise": (["--check", "--noise", -1], ["--noise -1"]),
    "seeds": (["--check", "--seeds", 0], ["--seeds 0"]),
    "seeds of 63 bits": (["--check", "--seeds", 2**62], [f"--seeds {2**62}", "1 to 1000000"]),
    "shape of 41 bits": (["--check", "--shape", f"{2**40},3"], [f"--shape {2**40},3", "10000"]),
    "seed": (["--check", "--seed", -1], ["--seed -1"]),
}


@pytest.mark.parametrize("arguments, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, arguments, words):
    refused(tmp_path, "theory", *arguments, words=words)


def test_endless_trials_are_refused(tmp_path):
    result = fanion("theory", "--check", "--norm", "nuclear", "--accuracy", 0.01, "--noise", 50, cwd=tmp_path)
    assert result.returncode == 1
    assert "nuclear would take K = " in result.stderr and "--accuracy" in result.stderr
