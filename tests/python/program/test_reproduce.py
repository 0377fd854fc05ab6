"""`fanion reproduce`: the list, and that each leaves a record and pictures."""

import importlib.util
import re
import statistics

import pytest

from .running import NO_PLOTS, PLOTS, TIMEOUT, config, fanion, refused, validation_losses

# Those that take no training; the others are run by --quick outside of the tests.
INSTANT = ["table-1", "fig-3", "fig-5", "fig-6", "norm-ratios"]
NAMES = [
    "table-1",
    "fig-1",
    "fig-7",
    "fig-2",
    "fig-3",
    "fig-5",
    "fig-6",
    "fig-4",
    "finetune",
    "fig-ef",
    "norm-ratios",
    "mlp",
    "cnn",
    "convex-tuned",
    "quadratics",
    "spectrum",
    "batch-size",
    "table-2",
]


def test_list(tmp_path):
    result = fanion("reproduce", "--list", cwd=tmp_path)
    assert result.returncode == 0
    rows = result.stdout.splitlines()[2:]
    assert [row.split()[0] for row in rows] == NAMES
    assert all(re.search(r"\d+ (s|min), \d+ (s|min)$", row) for row in rows)


def reproduced(tmp_path, name, env=NO_PLOTS):
    result = fanion("reproduce", name, "--quick", "--out", "here", cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "here" / f"{name}-quick"
    return folder, (folder / "record.md").read_text(), result.stdout


@pytest.mark.parametrize("name", INSTANT)
def test_record(tmp_path, name):
    _, record, out = reproduced(tmp_path, name)
    assert record.startswith(f"# {name}: ")
    for part in [f"fanion reproduce {name} --quick", "Source: ", "Statistic: ", "torch ", "seed"]:
        assert part in record
    assert "| contradicted |" not in record
    assert "holds: " in out


def test_table_1_certifies_every_lmo(tmp_path):
    _, record, _ = reproduced(tmp_path, "table-1")
    body = [row for row in rows_of(record) if len(row) == 6][2:]
    assert [row[0] for row in body][:5] == ["Normalized SGD", "SignSGD, Signum", "Gauss-Southwell", "Muon", "Neon"]
    for row in body:
        assert abs(float(row[4])) < 1e-8 and abs(float(row[5])) < 1e-6


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_picture(tmp_path):
    folder, record, _ = reproduced(tmp_path, "norm-ratios", env=PLOTS)
    assert (folder / "norm-ratios.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "![norm-ratios](norm-ratios.png)" in record


def rows_of(record):
    """The cells of a record's tables, row by row."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in record.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


def reproduced_cut(tmp_path, name, steps, seeds):
    cut = ["--quick", "--steps", steps, "--seeds", seeds]
    # Some twenty trainings of a second or less, as processes of their own.
    result = fanion("reproduce", name, *cut, "--out", "here", cwd=tmp_path, env=NO_PLOTS, timeout=4 * TIMEOUT)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "here" / f"{name}-quick"
    record = (folder / "record.md").read_text()
    assert f"fanion reproduce {name} --quick --steps {steps} --seeds {seeds}`" in record
    return folder, record


def student_interval(a, b):
    """Mean of the differences with half the width of the 95 % interval, by Student's quantiles from a table."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    quantile = {2: 12.7062, 3: 4.3027, 5: 2.7764}[len(differences)]  # of n - 1 degrees of freedom
    return statistics.mean(differences), quantile * statistics.stdev(differences) / len(differences) ** 0.5


def test_fig_4_differences_are_by_seed(tmp_path):
    folder, record = reproduced_cut(tmp_path, "fig-4", 1, 2)
    runs = {path.name: validation_losses(path)[-1] for path in (folder / "runs").iterdir()}
    seeds = {
        label: [runs[f"{label}_seed_{seed}"] for seed in range(2)]
        for label in {name.rsplit("_seed_", 1)[0] for name in runs}
    }
    rows = {row[0].replace(" ", "_"): row for row in rows_of(record)[2:13]}
    assert rows.keys() == seeds.keys() and len(rows) == 11
    for label, row in rows.items():
        mean, spread = (float(word) for word in row[2].split(" ± "))
        assert mean == pytest.approx(statistics.mean(seeds[label]), abs=6e-5)
        assert spread == pytest.approx(statistics.stdev(seeds[label]), abs=6e-5)
        if label == "Muon":
            assert row[3] == "0"
            continue
        assert [float(word) for word in row[3].split(" ± ")] == pytest.approx(
            student_interval(seeds[label], seeds["Muon"]), abs=6e-5
        )
    # NorMuon is Muon with a running mean by rows, F-Muon's alpha is that of its label.
    step = lambda label: config(folder / "runs" / f"{label}_seed_0")["options"]  # noqa: E731
    assert (step("NorMuon")["optimizer"], step("NorMuon")["adapt"], step("Muon")["adapt"]) == ("muon", "neuron", "none")
    assert step("F-Muon_-0.1")["optimizer"] == "f-muon:alpha=-0.1"


def test_finetune_begins_with_one_run(tmp_path):
    folder, record = reproduced_cut(tmp_path, "finetune", 1, 1)
    runs = sorted((folder / "runs").iterdir())
    starts = {config(run)["options"]["init_from"] for run in runs}
    assert starts == {str(folder / "books" / "checkpoint.safetensors")}
    assert len({validation_losses(run)[0] for run in runs}) == 1
    best = {row[0]: (float(row[1]), float(row[2])) for row in rows_of(record)[2:7]}
    for label, rule in [("Muon", "muon"), ("AdamW", "adamw")]:
        losses = {
            config(run)["options"]["lr"]: validation_losses(run)[-1]
            for run in runs
            if config(run)["options"]["optimizer"] == rule
        }
        lr = min(losses, key=losses.__getitem__)
        assert best[label] == (pytest.approx(lr, rel=1e-5), pytest.approx(losses[lr], abs=6e-5))


def test_unknown_names(tmp_path):
    refused(tmp_path, "reproduce", "fig-9", words=["'fig-9'", "fig-1", "table-1"])
    refused(tmp_path, "reproduce", words=["name", "--list"])
    refused(tmp_path, "reproduce", "table-1", "--jobs", 0, words=["--jobs 0"])
    refused(tmp_path, "reproduce", "fig-2", "--epochs", -1, words=["--epochs -1"])
    refused(tmp_path, "reproduce", "fig-2", "--seeds", -1, words=["--seeds -1"])
    refused(tmp_path, "reproduce", "fig-4", "--steps", -1, words=["--steps -1"])
