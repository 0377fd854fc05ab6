"""What a kill or a full disk leaves: it is dropped and said, or named by file and line, and nothing is lost."""

import json
import resource
import subprocess
from pathlib import Path

import pytest

from .running import (
    LONG,
    NO_PLOTS,
    ONE_THREAD,
    TIMEOUT,
    TINY,
    assert_same,
    executable,
    fanion,
    flags,
    metrics,
    refused,
    resume,
)

LINES = {
    "half a line": ('{"loss":3.25,"st', ["JSON"]),
    "zeros": ("\0\0\0\0", ["JSON"]),
    "null": ('{"step":3,"loss":null}', ["loss is null"]),
    "null validation": ('{"step":3,"validation_loss":null}', ["validation_loss is null"]),
    "text": ('{"step":3,"loss":"low"}', ["loss", '"low"']),
    "no object": ("[3]", ["object", "an array of 1"]),
    "no step": ('{"loss":3.25}', ["no step"]),
    "step null": ('{"step":null,"loss":3.25}', ["step is null"]),
    "step a fraction": ('{"step":3.5,"loss":3.25}', ["step is 3.5"]),
    "step negative": ('{"step":-3,"loss":3.25}', ["step is -3"]),
    "deep": ("[" * 2000, ["32 levels"]),
}


@pytest.mark.parametrize("log", ["metrics.jsonl", "timings.jsonl"])
@pytest.mark.parametrize("line, words", LINES.values(), ids=LINES)
def test_resume_names_a_bad_line(tmp_path, run, log, line, words):
    lines = (run / log).read_text().splitlines()
    (run / log).write_text("\n".join([*lines[:3], line, *lines[3:]]) + "\n")
    refused(tmp_path, "train", "gpt", "--resume", "run", words=[f"run/{log}:4: ", *words])


@pytest.mark.parametrize(
    "rest", ['{"loss":3.25,"st', "\0\0\0\0", '{"step":21,"loss":null}'], ids=["line", "zeros", "null"]
)
def test_resume_drops_half_a_last_line_and_says_so(run, finished, rest):
    number = len(metrics(run)) + 1
    with (run / "metrics.jsonl").open("a") as log:
        log.write(rest)
    result = resume(run)
    assert result.stderr.splitlines()[0] == f"fanion: {run}/metrics.jsonl:{number}: half a last line, dropped"
    assert_same(run, finished)


def test_whole_last_line_without_its_end_is_kept(run, finished):
    log = run / "metrics.jsonl"
    log.write_text(log.read_text().rstrip("\n"))
    result = resume(run)
    assert "dropped" not in result.stderr
    assert_same(run, finished)


def limited(*arguments, cwd, largest):
    """Runs the program where no file may grow beyond so many bytes, as `ulimit -f` has it."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [str(executable()), *map(str, arguments)], cwd=cwd, env=ONE_THREAD | NO_PLOTS, preexec_fn=limit,
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip


def test_checkpoint_beyond_the_limit(tmp_path, finished):
    largest = (finished / "checkpoint.safetensors").stat().st_size // 2
    result = limited("train", "gpt", "--out", "run", *flags(TINY), cwd=tmp_path, largest=largest)
    run = tmp_path / "run"
    assert result.returncode == 1, result  # no signal
    assert result.stderr.splitlines()[-1] == "fanion: cannot write run/checkpoint.safetensors.tmp: File too large"
    assert sorted(path.name for path in run.iterdir()) == ["config.json", "metrics.jsonl", "timings.jsonl"]
    resume(run)
    assert_same(run, finished)


def test_last_checkpoint_outlives_a_failed_one(tmp_path, run):
    # The same run with more steps, so that a resume has something to write, and no room for it.
    recorded = json.loads((run / "config.json").read_text())
    recorded["options"]["steps"] = 30
    (run / "config.json").write_text(json.dumps(recorded))
    good = (run / "checkpoint.safetensors").read_bytes()
    result = limited("train", "gpt", "--resume", "run", cwd=tmp_path, largest=len(good) // 2)
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert (run / "checkpoint.safetensors").read_bytes() == good
    assert not (run / "checkpoint.safetensors.tmp").exists()
    resume(run)
    assert metrics(run)[-1]["step"] == 30


def test_log_beyond_the_limit(tmp_path):
    # 160 lines of metrics outgrow what config.json needs.
    options = LONG | {"steps": 400, "checkpoint-every": 1000, "eval-every": 1000}
    result = limited("train", "gpt", "--out", "run", *flags(options), cwd=tmp_path, largest=6000)
    assert result.returncode == 1, result
    assert result.stderr.splitlines()[-1] == "fanion: cannot write to run/metrics.jsonl: File too large"


def test_config_beyond_the_limit(tmp_path):
    result = limited("train", "gpt", "--out", "run", *flags(TINY), cwd=tmp_path, largest=100)
    assert result.returncode == 1, result
    assert "run/config.json.tmp: File too large" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_to_a_full_disk(tmp_path):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [str(executable()), "rules"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert result.returncode == 1
    assert result.stderr == "fanion: could not write to standard output\n"


def test_unwritable_text_in_an_option(tmp_path):
    name = b"caf\xe9.txt".decode(errors="surrogateescape")
    (tmp_path / name).write_text("To be, or not to be" * 100)
    result = fanion("train", "gpt", "--out", "run", "--data", name, *flags(TINY), cwd=tmp_path)
    assert result.returncode == 1
    assert not (tmp_path / "run").exists()
