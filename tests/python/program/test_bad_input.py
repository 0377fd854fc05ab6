"""Bad input: one line on standard error that says what is wrong, a non-zero exit, and nothing written."""

import json
import os

import pytest

from .running import TINY, flags, refused

COMMANDS = {
    "no command": ([], ["needs a command", "train, compare", "fanion --help"]),
    "unknown command": (["trian"], ["'trian'", "did you mean 'train'?", "fanion --help"]),
    "unlike any command": (["xylophone"], ["'xylophone'", "'xylophone'; fanion --help"]),
    "unknown task": (["train", "bert"], ["'bert'", "fanion train --help"]),
    "no task": (["train"], ["fanion train needs a command", "gpt"]),
    "task forgotten": (["train", "--steps", 5], ["fanion train needs a command before --steps, one of: gpt"]),
    "task of a comparison forgotten": (["compare", "--seed", 5], ["fanion compare needs a command before --seed"]),
    "mistyped option": (
        ["train", "gpt", "--stepz", 3],
        ["unknown option --stepz (did you mean '--steps'?)", "fanion train gpt --help"],
    ),
    "mistyped option with =": (
        ["compare", "gpt", "--bacth=3"],
        ["--bacth (did you mean '--batch'?)", "compare gpt --help"],
    ),
    "several unknown options": (
        ["svd", "--sise", 3, "--xylophone", 4],
        ["unknown option --sise (did you mean '--size'?)"],
    ),
    "unlike any option": (["train", "gpt", "--xylophone", 3], ["unknown option --xylophone; fanion train gpt --help"]),
    "a word too many": (["sample", "run", "other"], ["unexpected argument 'other'", "fanion sample --help"]),
    "value missing": (["train", "gpt", "--steps"], ["--steps", "fanion train gpt --help"]),
    "no number": (["train", "gpt", "--steps", "many"], ["--steps", "many"]),
    "sample without a run": (["sample"], ["run"]),
    "sample of nothing": (["sample", "nowhere"], ["nowhere", "holds no run"]),
    "plot without runs": (["plot", "."], ["holds no runs"]),
    "resume of nothing": (["train", "gpt", "--resume", "nowhere"], ["nowhere", "holds no run"]),
    "comparison of nothing": (["compare", "gpt", "--resume", "nowhere"], ["nowhere", "holds no comparison"]),
}


@pytest.mark.parametrize("arguments, words", COMMANDS.values(), ids=COMMANDS)
def test_command(tmp_path, arguments, words):
    refused(tmp_path, *arguments, words=words)


OPTIONS = {
    "unknown optimizer": ({"optimizer": "moun"}, ["unknown rule 'moun'", "muon", "adamw"]),
    "option of an optimizer": ({"optimizer": "muon:ns_step=3"}, ["'ns_step'", "ns_steps"]),
    "k missing": ({"optimizer": "fanion", "lr": 0.1}, ["needs k"]),
    "k zero": ({"optimizer": "fanion:k=0", "lr": 0.1}, ["k = 0"]),
    "k negative": ({"optimizer": "d-fanion:k=-1", "lr": 0.1}, ["k = -1"]),
    "k too large": ({"optimizer": "fanion:k=33", "lr": 0.1}, ["k = 33", "32 x 32"]),
    "k too large, deflated": ({"optimizer": "d-fanion:k=33", "lr": 0.1}, ["k = 33", "32 x 32"]),
    "k too large in a sum": ({"optimizer": "0.5*nsgd + 0.5*fanion:k=33", "lr": 0.1}, ["k = 33", "32 x 32"]),
    "no tuned rate": ({"optimizer": "fanion:k=4"}, ["no learning rate", "fanion:k=4", "--lr"]),
    "lr negative": ({"lr": -0.1}, ["lr", "-0.1"]),
    "embedding lr negative": ({"embedding-lr": -1}, ["embedding_lr", "-1"]),
    "momentum kind": ({"momentum-kind": "mean"}, ["'mean'", "ema", "sum"]),
    "adjust_lr_fn": ({"adjust-lr-fn": "orignal"}, ["'orignal'", "original"]),
    "beta1": ({"beta1": 1.5}, ["beta1", "1.5"]),
    "no steps": ({"steps": 0}, ["steps", "0"]),
    "no batch": ({"batch": 0}, ["batch", "0"]),
    "no checkpoints": ({"checkpoint-every": 0}, ["checkpoint_every", "0"]),
    "widths": ({"width": 40}, ["width 40", "head width 16"]),
    "head width": ({"head-width": 6, "width": 36}, ["head width 6", "4"]),
    "schedule": ({"schedule": "sawtooth"}, ["'sawtooth'", "cosine"]),
    "warm-up": ({"warmup": 0.7, "cooldown": 0.5}, ["warmup", "0.7"]),
    "device": ({"device": "gpu7"}, ["'gpu7'", "cpu"]),
    "device without data": ({"device": "meta"}, ["meta", "not available"]),
    "dtype": ({"dtype": "float8"}, ["float8", "bfloat16"]),
    "dtype of no training": ({"dtype": "float64"}, ["float64", "bfloat16"]),
    "dtype by torch's short name": ({"dtype": "bf16"}, ["--dtype bf16 must be float32 or bfloat16"]),
    "threads of 33 bits": ({"threads": 2**32 + 1}, ["--threads 4294967297", "0 to 4096"]),
    "threads negative": ({"threads": -1}, ["--threads -1", "0 to 4096"]),
    "layers of 41 bits": ({"layers": 2**40}, ["--layers 1099511627776", "1 to 10000"]),
    "steps of 63 bits": ({"steps": 2**62}, [f"--steps {2**62}", "1 to 1000000000"]),
    "batch of 41 bits": ({"batch": 2**40}, ["--batch 1099511627776", "1 to 1000000"]),
    "context of 41 bits": ({"context": 2**40}, ["--context 1099511627776", "1 to 1000000"]),
    "vocabulary of 17 bits": ({"vocabulary": 2**17}, ["--vocabulary 131072", "2 to 65536"]),
    "wider than any memory": ({"width": 10**6, "layers": 100}, ["--width 1000000", "GiB"]),
    "more tokens than any memory": ({"batch": 10**6, "context": 10**6}, ["--batch 1000000", "GiB"]),
    "lr beyond float32": ({"lr": 1e300}, ["--lr 1e+300", "0 to 3.4"]),
    "lr infinite": ({"gain-lr": "inf"}, ["gain_lr inf", "0 to 3.4"]),
    "rate twice": ({"optimizer": "muon@0.04", "lr": 0.1}, ["'muon@0.04'", "no lr"]),
    "rate of no number": ({"optimizer": "muon@fast"}, ["'muon@fast'", "RULE@LEARNING_RATE"]),
    "oversample of 63 bits": ({"optimizer": f"neon:oversample={2**63 - 1}"}, [f"oversample = {2**63 - 1}", "0 to"]),
    "passes of 63 bits": ({"optimizer": f"neon:passes={2**62}"}, [f"passes = {2**62}", "1 to"]),
    "a huge part of a sum": ({"optimizer": "1e300*frobenius", "lr": 0.1}, ["1e+300", "1e+30"]),
    "a huge part in a mixture": ({"optimizer": "s-muon:scale=1e200", "lr": 0.1}, ["1e+30"]),
    "coefficients of zeros": ({"optimizer": "muon:ns_coefficients=0/0/0", "lr": 0.1}, ["0/0/0", "a in (0, 1000]"]),
    "a huge coefficient": ({"optimizer": "muon:ns_coefficients=3/1e30/2", "lr": 0.1}, ["1e+30", "1000"]),
}


@pytest.mark.parametrize("changes, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, changes, words):
    refused(tmp_path, "train", "gpt", "--out", "run", *flags(TINY | changes), words=words)


def test_unwritable_run_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in ["file/run", "file", "/proc/run"]:
        refused(tmp_path, "train", "gpt", "--out", folder, *flags(TINY), words=[folder])
    refused(tmp_path, "compare", "gpt", "--out", "file/all", "--optimizers", "muon", *flags(TINY), words=["file/all"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(tmp_path):
    (tmp_path / "mine").mkdir(mode=0o500)
    refused(tmp_path, "train", "gpt", "--out", "mine/run", *flags(TINY), words=["mine/run", "Permission denied"])


def test_folder_that_holds_a_run(tmp_path, run):
    refused(tmp_path, "train", "gpt", "--out", "run", *flags(TINY), words=["run", "already holds a run", "--resume"])


def test_resume_takes_no_other_options(tmp_path, run):
    resume_run = ["train", "gpt", "--resume", "run"]
    refused(tmp_path, *resume_run, "--steps", 40, words=["--steps", "--resume"])
    refused(tmp_path, *resume_run, "--seed", 0, words=["--seed", "--resume"])  # even the value it has
    refused(tmp_path, *resume_run, "--out", "other", words=["--out", "--resume"])


CONFIG_FILES = {
    "not there": (None, ["options.json", "no such file"]),
    "no JSON": ("steps = 3", ["options.json", "JSON"]),
    "half of it": ('{"steps": 3, "la', ["options.json", "JSON"]),
    "no object": ("[3]", ["options.json", "object"]),
    "deep": ("[" * 100000, ["options.json", "32 levels"]),
    "deep value": ('{"steps": ' + "[" * 31 + "]" * 31 + "}", ["'steps'", "an array of 1"]),
    "deeper value": ('{"steps": ' + '{"a":' * 40 + "1" + "}" * 41, ["32 levels"]),
    "object for a number": ('{"lr": {"a": 1, "b": [2]}}', ["'lr'", "an object of 2"]),
    "long text for a number": (json.dumps({"lr": "3" * 5000}), ["'lr'", "3" * 60 + "..."]),
    "rate twice": ('{"optimizer": "muon@0.04", "lr": 0.1}', ["options.json", "'muon@0.04'", "no lr"]),
    "unknown key": ('{"stepz": 3}', ["'stepz'", "steps"]),
    "text for a number": ('{"steps": "three"}', ["'steps'", "three"]),
    "huge fraction for an integer": ('{"steps": 1e150}', ["'steps'", "1e+150"]),
    "integer of 64 bits": ('{"seed": 18446744073709551615}', ["'seed'", "18446744073709551615"]),
    "fraction for an integer": ('{"steps": 3.7}', ["'steps'", "3.7"]),
    "number for a text": ('{"optimizer": 3}', ["'optimizer'", "3"]),
    "number for a truth value": ('{"nesterov": 1}', ["'nesterov'", "1"]),
    "out of range": ('{"steps": -3}', ["steps", "-3"]),
}


@pytest.mark.parametrize("text, words", CONFIG_FILES.values(), ids=CONFIG_FILES)
def test_config_file(tmp_path, text, words):
    if text is not None:
        (tmp_path / "options.json").write_text(text)
    refused(tmp_path, "train", "gpt", "--out", "run", "--config", "options.json", words=words)


COMPARISONS = {
    "unknown optimizer": (["--optimizers", "muon", "moun"], ["unknown rule 'moun'"]),
    "rate with a rest": (["--optimizers", "muon@0.1x"], ["'muon@0.1x'", "RULE@LEARNING_RATE"]),
    "k too large in the last": (["--optimizers", "muon", "fanion:k=33@0.1"], ["k = 33"]),
    "same twice": (["--optimizers", "muon", "muon"], ["twice"]),
    "one rate": (["--lr", "0.1"], ["--lr", "RULE@LEARNING_RATE"]),
    "one optimizer": (["--optimizer", "muon"], ["--optimizer", "several"]),
    "no data": (["--data", "nothing.txt"], ["nothing.txt"]),
}


@pytest.mark.parametrize("arguments, words", COMPARISONS.values(), ids=COMPARISONS)
def test_comparison(tmp_path, arguments, words):
    refused(tmp_path, "compare", "gpt", "--out", "all", *flags(TINY), *arguments, words=words)


def test_comparison_over_a_run(tmp_path, run):
    (tmp_path / "all").mkdir()
    run.rename(tmp_path / "all" / "Muon")
    compare = ["compare", "gpt", "--out", "all", *flags(TINY), "--optimizers", "nsgd", "muon"]
    refused(tmp_path, *compare, words=["Muon", "already holds a run"])


def test_damaged_comparison(tmp_path):
    (tmp_path / "all").mkdir()
    for text in ["[]", '[{"label": "Muon"}]', "{}", "[null]"]:
        (tmp_path / "all" / "comparison.json").write_text(text)
        refused(tmp_path, "compare", "gpt", "--resume", "all", words=["damaged"])
