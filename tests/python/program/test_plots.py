"""Plots of runs: what is drawn, what is left out and said, and what is named where files are damaged."""

import json

import pytest

from fanion.figures.runs import four_digits

from .running import PLOTS, TINY, fanion, train, without_plots

pytestmark = pytest.mark.skipif(bool(without_plots()), reason=without_plots() or "plots work")


def folder(path, *, metrics, timings, options=None):
    path.mkdir(parents=True)
    given = {
        "optimizer": "muon",
        "lr": 0.1,
        "layers": 1,
        "width": 8,
        "batch": 2,
        "context": 4,
        "data": "a.txt",
        "seed": 0,
    }
    (path / "config.json").write_text(json.dumps({"options": given if options is None else options}))
    (path / "metrics.jsonl").write_text(metrics)
    (path / "timings.jsonl").write_text(timings)
    return path


METRICS = (
    '{"step":0,"validation_loss":5.5}\n{"loss":5.25,"step":1}\n'
    '{"step":1,"validation_loss":5}\n{"step":2,"validation_loss":4}\n'
)
TIMINGS = '{"step":0,"seconds":0}\n{"step":1,"seconds":0.5}\n{"step":2,"seconds":1}\n'


@pytest.fixture
def draw(tmp_path, capsys):
    """Draws folders: exit status, what was said, and the steps of each curve."""
    import matplotlib

    matplotlib.use("Agg")
    from fanion.figures import runs

    def of(*folders):
        status = runs.main(["--out", str(tmp_path / "drawn.png"), *map(str, folders)])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert (tmp_path / "drawn.png").exists() == (status == 0)
        return status, said

    return of


def test_whole_run(tmp_path, draw):
    assert draw(folder(tmp_path / "run", metrics=METRICS, timings=TIMINGS)) == (0, "")


@pytest.mark.parametrize("rest", ['{"step":3,"valid', "\0\0\0", '{"step":3,"validation_loss":null}'])
@pytest.mark.parametrize("log", ["metrics", "timings"])
def test_half_a_last_line_is_dropped(tmp_path, draw, log, rest):
    from fanion.figures._training_runs import read_run

    texts = {"metrics": METRICS, "timings": TIMINGS}
    run = folder(tmp_path / "run", **texts | {log: texts[log] + rest})
    number = texts[log].count("\n") + 1
    assert draw(run) == (0, f"fanion: {run}/{log}.jsonl:{number}: half a last line, dropped\n")
    assert read_run(run).steps == [0, 1, 2]


def test_validation_without_its_time_is_left_out(tmp_path, draw):
    from fanion.figures._training_runs import read_run

    run = folder(tmp_path / "run", metrics=METRICS, timings="\n".join(TIMINGS.splitlines()[:2]) + "\n")
    status, said = draw(run)
    assert status == 0
    assert said == f"fanion: {run}/timings.jsonl: has no time of step 2, whose validation is left out\n"
    assert read_run(run).steps == [0, 1]


BAD = {
    "half a line": ('{"step":3,"valid', "JSON"),
    "null": ('{"step":3,"validation_loss":null}', "validation_loss is null"),
    "NaN": ('{"step":3,"validation_loss":NaN}', "NaN"),
    "text": ('{"step":3,"validation_loss":"low"}', "validation_loss"),
    "no object": ("[]", "object"),
    "no step": ('{"validation_loss":3}', "step"),
    "step null": ('{"step":null,"validation_loss":3}', "step"),
    "deep": ("[" * 100000, "deep"),
}


@pytest.mark.parametrize("line, word", BAD.values(), ids=BAD)
def test_bad_line_is_named(tmp_path, draw, line, word):
    lines = METRICS.splitlines(keepends=True)
    run = folder(tmp_path / "run", metrics="".join([*lines[:2], line + "\n", *lines[2:]]), timings=TIMINGS)
    status, said = draw(run)
    assert status == 2
    assert said.startswith(f"fanion.figures.runs: {run}/metrics.jsonl:3: ") and word in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", '{"options": 3}', '{"options": {"opt', "\udc80"])
def test_damaged_config_is_named(tmp_path, draw, text):
    run = folder(tmp_path / "run", metrics=METRICS, timings=TIMINGS)
    (run / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    status, said = draw(run)
    assert status == 2
    assert str(run / "config.json") in said


def test_folders_of_other_commands_are_left_out(tmp_path, draw):
    run = folder(tmp_path / "run", metrics=METRICS, timings=TIMINGS)
    svd = folder(tmp_path / "svd", metrics="", timings="", options={"matrix": "", "k": [1]})
    begun = folder(tmp_path / "begun", metrics='{"step":0,"val', timings="")
    for file in ("metrics.jsonl", "timings.jsonl"):
        (svd / file).unlink()
    status, said = draw(svd, run, begun)
    assert status == 0
    assert f"fanion: {svd} holds no training, left out\n" in said
    assert f"fanion: {begun} holds no validation losses with their times, left out\n" in said
    status, said = draw(svd, begun) if not (tmp_path / "drawn.png").unlink() else (0, "")
    assert status == 2
    assert str(svd) in said and str(begun) in said


def test_nothing_is_imported_from_the_current_folder(tmp_path):
    train(tmp_path / "run")
    for name in ("fanion", "matplotlib", "runpy"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the current folder has a {name}')")
    result = fanion("plot", "run", "--out", "run.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_every_folder_of_runs(tmp_path):
    # The README's own line, `fanion plot runs/*/`, with a run of every kind among the folders.
    runs = tmp_path / "runs"
    runs.mkdir()
    train(runs / "a-muon")
    for made in (
        ["svd", "--out", "runs/b-svd", "--size", 20, "--k", 2, "--method", "dense", "--no-plots"],
        ["balls", "--out", "runs/c-balls", "--norm", "spectral"],
        ["compare", "gpt", "--out", "runs/d-all", "--optimizers", "nsgd", *[f"--{k}={v}" for k, v in TINY.items()]],
    ):
        result = fanion(*made, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    (runs / "e-empty").mkdir()
    folders = [f"runs/{path.name}/" for path in sorted(runs.iterdir())]
    result = fanion("plot", *folders, "--out", "all.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert sorted(result.stderr.splitlines()) == [
        "fanion: runs/b-svd holds no training, left out",
        "fanion: runs/c-balls holds no training, left out",
        "fanion: runs/e-empty/ holds no runs, left out",
    ]
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    result = fanion("plot", "runs/b-svd/", "runs/c-balls/", "--out", "none.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 1
    assert "b-svd" in result.stderr and "c-balls" in result.stderr
    assert result.stderr.splitlines()[-1] == "fanion: the plot was not drawn, for the reason above"
    assert not (tmp_path / "none.png").exists()


def test_losses_of_one_size_are_equally_long():
    losses = {
        1.89: "1.890",
        1.8506: "1.851",
        2.0: "2.000",
        12.5: "12.50",
        0.0123: "0.01230",
        5000.0: "5000",
        1e-7: "1.000e-07",
    }
    assert {loss: four_digits(loss) for loss in losses} == losses


def test_no_two_curves_look_alike():
    """Also of more than there are colours, and beside those that are like another."""
    from fanion.figures.curves import styles

    plain = [{"label": f"rule {i}", "like": ""} for i in range(11)]
    styled = styles([*plain, {"label": "mixture", "like": "rule 0"}, {"label": "another", "like": "rule 8"}])
    looks = [tuple(sorted(style.items())) for style in styled.values()]
    assert len(looks) == 13
    assert len(set(looks)) == len(looks)
