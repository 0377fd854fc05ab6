"""`fanion svd`: what it measures and records, .npy files, and bad input."""

import json
from pathlib import Path

import numpy as np
import pytest

from .running import PLOTS, fanion, refused, without_plots

REPOSITORY = Path(__file__).parents[3]
SMALL = ["--size", 60, "--k", 3, "--repeat", 1, "--no-plots"]


def svd(folder, *arguments, env=None):
    result = fanion("svd", "--out", folder, *arguments, cwd=folder.parent, env=env)
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "results.json").read_text()), result.stdout


def run_of(results, method, k):
    (found,) = [r for r in results["runs"] if r["method"] == method and r["k"] == k]
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("svd") / "run"
    env = PLOTS if not without_plots() else None
    return folder, *svd(folder, "--size", 200, "--repeat", 1, env=env)


def test_every_method_is_in_the_table(study):
    folder, results, out = study
    assert (folder / "table.txt").read_text() in out
    assert results["options"]["k"] == [1, 10, 100]
    methods = ["auto", "lanczos", "subspace", "randomized", "power", "dense"]
    assert [(r["method"], r["k"]) for r in results["runs"]] == [(m, k) for k in (1, 10, 100) for m in methods]
    assert "peers: not asked for" in out
    assert "Table 2" not in out, "that is of another matrix"


def test_bounds_hold_and_converged_means_within_tol(study):
    _, results, _ = study
    converged = [r for r in results["runs"] if r["status"] == "converged"]
    sure = {(m, k) for m in ("auto", "lanczos", "dense") for k in (1, 10, 100)}
    sure |= {(m, k) for m in ("subspace", "randomized") for k in (1, 10)}  # "power" depends on its start
    assert sure <= {(r["method"], r["k"]) for r in converged}
    for run in converged:
        assert run["errors"]["rank_k"] <= run["bound"] <= 0.01
        assert run["bound_kind"] in ("proved", "probabilistic")
        assert run["products"] > 0 and run["reads"] > 0 and run["median_seconds"] > 0
        assert -1e-9 <= run["errors"]["lmo_gap"] < 0.01


def test_records(study):
    folder, results, _ = study
    assert results["machine"]["cpu"] and results["threads"] >= 1
    assert (results["rows"], results["cols"]) == (200, 200)
    config = json.loads((folder / "config.json").read_text())
    assert config["options"] == results["options"]
    assert [r["k"] for r in results["references"]] == [1, 10, 100]


def test_curves_fall(study):
    _, results, _ = study
    drawn = {(c["method"], c["k"]) for c in results["curves"]}
    assert {("lanczos", 1), ("subspace", 10), ("randomized", 100), ("power", 1)} <= drawn
    for curve in results["curves"]:
        errors = [p["error"] for p in curve["points"]]
        passes = [p["passes"] for p in curve["points"]]
        assert passes == sorted(set(passes))
        assert errors[-1] < errors[0] or len(errors) == 1


@pytest.mark.skipif(bool(without_plots()), reason=without_plots() or "plots work")
def test_plots_show_something(study):
    from matplotlib.image import imread

    folder, _, out = study
    for name in ["error-time.png", "error-passes.png"]:
        assert name in out
        pixels = imread(folder / name)[..., :3]
        colours = np.unique((pixels.reshape(-1, 3) * 255).astype(int), axis=0)
        coloured = colours[(colours.max(axis=1) - colours.min(axis=1)) > 60]
        assert len(coloured) > 10, "lines in several colours"


@pytest.mark.parametrize("spectrum", ["power:0.5", "geometric:0.9"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_made_matrices(tmp_path, spectrum, dtype):
    arguments = ["--size", "90x60", "--spectrum", spectrum, "--dtype", dtype, "--method", "auto", "lanczos"]
    results, _ = svd(tmp_path / "run", *arguments, "--k", 2, 5, "--repeat", 2, "--no-plots")
    assert results["curves"] == []
    for run in results["runs"]:
        assert run["status"] == "converged"
        assert run["errors"]["rank_k"] <= run["bound"] <= 0.01
        assert len(run["seconds"]) == 2
    assert [r["source"] == "as made" for r in results["references"]] == [dtype != "bfloat16"] * 2


@pytest.mark.parametrize("criterion", ["lmo_gap", "residual"])
def test_criteria(tmp_path, criterion):
    results, _ = svd(tmp_path / "run", *SMALL, "--criterion", criterion, "--tol", 0.001, "--method", "lanczos", "dense")
    for run in results["runs"]:
        assert run["status"] == "converged"
        # float32 rounding beside a bound of LAPACK's accuracy
        assert run["errors"][criterion] <= run["bound"] + 1e-6 <= 0.001 + 1e-6


def test_too_slow_is_said(tmp_path):
    arguments = ["--size", 400, "--k", 20, "--method", "power", "--limit", 0.02, "--no-plots"]
    results, out = svd(tmp_path / "run", *arguments)
    run = run_of(results, "power", 20)
    assert run["status"] == "over the limit"
    assert run["seconds"][0] >= 0.02
    assert "> 0.02" in out


OPTIONS = {
    "k zero": (["--size", 50, "--k", 0], ["--k 0", "1 to 50"]),
    "k too large": (["--size", "80x50", "--k", 51], ["--k 51", "80 x 50", "1 to 50"]),
    "k twice": (["--size", 50, "--k", 2, 2], ["--k", "2 twice"]),
    "size of nothing": (["--size", "0"], ["--size 0", "5000x500"]),
    "size of words": (["--size", "10by10"], ["10by10", "5000x500"]),
    "size negative": (["--size", "-5x5"], ["-5x5"]),
    "size enormous": (["--size", 999999999], ["2^31"]),
    "spectrum": (["--spectrum", "flat"], ["'flat'", "gaussian", "power:P", "geometric:Q"]),
    "spectrum without its number": (["--spectrum", "power"], ["'power'", "power:P"]),
    "ratio": (["--spectrum", "geometric:1.5"], ["1.5", "0 < Q < 1"]),
    "criterion": (["--criterion", "frobenius"], ["'frobenius'", "rank_k", "lmo_gap", "residual"]),
    "tol": (["--tol", 0], ["--tol 0", "(0, 1)"]),
    "method": (["--method", "qr"], ["'qr'", "lanczos", "dense"]),
    "method twice": (["--method", "dense", "dense"], ["dense twice"]),
    "dtype": (["--dtype", "int8"], ["'int8'", "float32", "bfloat16"]),
    "repeat": (["--repeat", 0], ["--repeat 0"]),
    "repeat for ever": (["--repeat", 2**62], [str(2**62), "1 to 1000"]),
    "limit": (["--limit", 0], ["--limit 0", "seconds"]),
    "limit without end": (["--limit", "inf"], ["--limit inf", "seconds"]),
    "matrix and size": (["--matrix", "A.npy", "--size", 5], ["--size"]),
    "no such file": (["--matrix", "nothing.npy"], ["nothing.npy", "no such file"]),
}


@pytest.mark.parametrize("arguments, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, arguments, words):
    refused(tmp_path, "svd", "--out", "run", *arguments, words=words)


def test_folder_that_holds_a_run(tmp_path):
    svd(tmp_path / "run", *SMALL, "--method", "dense")
    refused(tmp_path, "svd", "--out", "run", *SMALL, words=["run", "already holds a run"])


def test_missing_peers_are_said(tmp_path):
    arguments = ["--size", 40, "--k", 2, "--method", "dense", "--no-plots", "--peers", REPOSITORY]
    results, out = svd(tmp_path / "run", *arguments, env={"FANION_PYTHON": "no-such-python"})
    assert f"peers: 'no-such-python -m benchmarks.topk_svd.given' does not start in {REPOSITORY}" in out
    assert "make bench" in results["peers_missing"]


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_peers_of_what_is_no_repository(where, tmp_path):
    refused(tmp_path, "svd", "--out", "run", *SMALL, "--peers", where, words=[f"--peers {where}", "given.py", "clone"])


def test_peers_are_looked_for_in_the_repository_alone(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("open('imported', 'w')")
    clone = tmp_path / "clone" / "benchmarks" / "topk_svd"
    clone.mkdir(parents=True)
    (clone / "given.py").write_text("raise SystemExit(3)")
    arguments = ["--size", 40, "--k", 2, "--method", "dense", "--no-plots"]
    results, _ = svd(tmp_path / "run", *arguments, "--peers", "clone", env=PLOTS)
    assert "does not start in clone" in results["peers_missing"]
    svd(tmp_path / "without", *arguments, env=PLOTS)
    assert not (tmp_path / "imported").exists()


def test_calibration_is_written_and_used(tmp_path):
    """Runs for seconds: it times LAPACK at 1024 columns."""
    result = fanion("svd", "--calibrate", "--out", "costs.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    costs = json.loads((tmp_path / "costs.json").read_text())
    assert json.dumps(costs["eigh"][0])[:4] in result.stdout
    assert "costs: costs.json" in result.stdout
    for rates in (costs["float32"], costs["float64"]):
        assert len(rates["gram"]) == 6 and len(rates["svd"]) == 5
        assert rates["svd"] == sorted(rates["svd"]), "larger matrices take longer"
        assert 0 < rates["gemm"] < 1e-8
    assert costs["machine"]["cpu"] and costs["threads"] == 1

    # A machine where both ways of dense take hours, and one where skinny products do.
    used = {}
    for key in ("svd", "gram"):
        slow = json.loads(json.dumps(costs))
        slow["float32"][key] = [1e6 * x for x in slow["float32"][key]]
        if key == "svd":
            slow["float64"]["gemm"] *= 1e6
        (tmp_path / f"slow-{key}.json").write_text(json.dumps(slow))
        env = {"FANION_SVD_COSTS": str(tmp_path / f"slow-{key}.json")}
        arguments = ["--size", 150, "--k", 2, "--method", "auto", "dense", "--no-plots", "--repeat", 1]
        used[key], _ = svd(tmp_path / key, *arguments, "--limit", 20, env=env)
    assert run_of(used["svd"], "auto", 2)["ran"] == "block_krylov"
    assert run_of(used["gram"], "auto", 2)["ran"] == "dense"
    not_started = run_of(used["svd"], "dense", 2)
    assert not_started["status"] == "not started" and not_started["predicted_seconds"] > 20


def test_default_place_of_the_costs(tmp_path):
    (tmp_path / "fanion").mkdir()
    (tmp_path / "fanion" / "svd_costs.json").write_text("{}")
    arguments = ["svd", "--size", 150, "--k", 2, "--method", "auto", "--no-plots", "--out", "run"]
    result = fanion(*arguments, cwd=tmp_path, env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert result.returncode == 1
    assert "svd_costs.json: the object 'float32' is missing" in result.stderr
    result = fanion(*arguments, cwd=tmp_path, env={"FANION_SVD_COSTS": "nowhere.json"})
    assert result.returncode == 1
    assert "nowhere.json" in result.stderr
