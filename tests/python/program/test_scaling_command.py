"""`fanion scaling`: the table of fanion.scaling, its picture, and bad input."""

import pytest

from fanion import scaling

from .running import PLOTS, fanion, refused, without_plots


@pytest.mark.skipif(bool(without_plots()), reason=without_plots())
def test_it_prints_the_table_and_draws_it(tmp_path):
    result = fanion("scaling", "--processes", 2, 100, "--k", 4, "--out", "traffic.png", cwd=tmp_path, env=PLOTS)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{scaling.table([2, 100], 4)}\nplot: traffic.png\n"
    assert (tmp_path / "traffic.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--processes", 8, 1), ["--processes 1", "2 to 1000000"]),
        (("--k", 769), ["--k 769", "1 to 768"]),
        (("--out", "no/such/folder.png"), ["the plot was not drawn"]),
    ],
)
def test_bad_input(tmp_path, arguments, words):
    if "--out" not in arguments:
        refused(tmp_path, "scaling", *arguments, words=words)
        return
    result = fanion("scaling", *arguments, cwd=tmp_path, env=PLOTS)
    assert result.returncode == 1
    assert words[0] in result.stderr.splitlines()[-1]
