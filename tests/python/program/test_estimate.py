"""`fanion estimate`: what it measures at a checkpoint, and bad input."""

import json
import math
import shutil

import pytest

from .running import TINY, fanion, refused, snapshot, train

FEW = ["--batches", 4, "--smoothness-batches", 1, "--walk", 2]


@pytest.fixture(scope="module")
def muon(tmp_path_factory):
    return train(tmp_path_factory.mktemp("muon") / "run", lr=0.02)


@pytest.fixture
def run(tmp_path, muon):
    return shutil.copytree(muon, tmp_path / "run")


def estimate(run, *arguments):
    result = fanion("estimate", run, *arguments, cwd=run.parent)
    assert result.returncode == 0, result.stderr
    return json.loads((run / "estimate.json").read_text()), result.stdout


def test_estimate(run):
    found, out = estimate(run)
    assert found["checkpoint_step"] == TINY["steps"]
    assert found["first_batch"] == TINY["steps"], "batches that the run did not train on"
    assert (found["batches"], found["smoothness_batches"], found["seed"], found["step"]) == (16, 2, 0, 0.02)
    assert 2 < found["loss"] < math.log(256)
    names = [m["name"] for m in found["matrices"]]
    assert names == [f"blocks.0.{x}" for x in ("attention.q", "attention.k", "attention.v", "attention.out")] + [
        "blocks.0.mlp.up",
        "blocks.0.mlp.down",
    ]
    for m in found["matrices"]:
        rows, columns = m["shape"]
        scale = math.sqrt(max(1, rows / columns))
        assert m["rho"] == pytest.approx(scale * math.sqrt(min(rows, columns)))
        assert "spectral" in m["norm"]
        assert 0 < m["sigma_squared_error"] < m["sigma_squared"]
        assert m["L_along_lmo"] > 0 and m["L_along_random"] > 0
        assert m["gradient_dual_norm"] > 0
        assert m["name"] in out
    whole = found["whole"]
    assert whole["sigma_squared"] == pytest.approx(sum(m["sigma_squared"] for m in found["matrices"]))
    assert whole["rho"] == pytest.approx(math.sqrt(sum(m["rho"] ** 2 for m in found["matrices"])))
    assert whole["gradient_dual_norm"] == pytest.approx(sum(m["gradient_dual_norm"] for m in found["matrices"]))
    # Moving all at once reaches at least as far as the steepest one, up to what the others undo.
    assert whole["L_along_lmo"] > 0.5 * max(m["L_along_lmo"] for m in found["matrices"])


def test_step_sizes_of_generalized_smoothness(run):
    found, out = estimate(run, "--walk", 6, "--batches", 4)
    assert (found["walk"], found["quantile"]) == (6, 0.9)
    for figures in [*found["matrices"], found["whole"]]:
        fit, gradient = figures["generalized_smoothness"], figures["gradient_dual_norm"]
        line = [fit["L0"] + fit["L1"] * g for g, _ in fit["slopes"]]
        assert len(line) == fit["points"] == 12, "6 steps on the way and 6 from the checkpoint"
        assert min(fit["L0"], fit["L1"]) >= 0
        excess = [slope / at for (_, slope), at in zip(fit["slopes"], line, strict=True)]
        assert fit["above"] == sum(x > 1 + 1e-9 for x in excess) <= 2
        assert fit["largest_excess"] == pytest.approx(max(1, *excess))
        assert fit["step"] == pytest.approx(gradient / (fit["L0"] + fit["L1"] * gradient))
        assert figures["eps"] == pytest.approx(gradient / 2)
        L = max(figures["L_along_lmo"], figures["L_along_random"])
        noise = figures["rho"] ** 2 * figures["sigma_squared"]
        assert figures["lemma_7_step"] == pytest.approx(
            min(figures["eps"] / (3 * L), figures["eps"] ** 3 / (192 * noise * L))
        )
    whole = found["whole"]["generalized_smoothness"]["slopes"]
    assert whole[0] != whole[6], "the walks begin at other weights"
    assert "at eps" in out
    without, out = estimate(run, "--walk", 0, "--batches", 4)
    assert "generalized_smoothness" not in without["whole"]
    assert "at eps" not in out


def test_the_command_it_prints_runs(run):
    _, out = estimate(run, *FEW)
    (command,) = [line for line in out.splitlines() if line.startswith("fanion theory")]
    words = [*command.split()[1:-1], 0.5]
    result = fanion(*words, cwd=run.parent)
    assert result.returncode == 0, result.stderr
    assert "Lemma 7" in result.stdout


def test_reproducible(run):
    first, _ = estimate(run, *FEW)
    assert estimate(run, *FEW)[0] == first
    assert estimate(run, *FEW, "--seed", 3)[0]["whole"] != first["whole"]


def test_other_norms_share_the_noise(run):
    own, _ = estimate(run, *FEW)
    other, _ = estimate(run, *FEW, "--norm", "frobenius", "--directions", 0, "--step", 0.05)
    assert other["norm"] == "frobenius"
    assert other["step"] == 0.05
    for a, b in zip(own["matrices"], other["matrices"], strict=True):
        assert a["sigma_squared"] == b["sigma_squared"], "the Frobenius norm measures it in every norm"
        assert b["L_along_random"] is None
        scale = math.sqrt(max(1, b["shape"][0] / b["shape"][1]))
        assert b["rho"] == pytest.approx(scale)
        # ‖∇f‖_F ≤ ‖∇f‖† ≤ √r‖∇f‖_F, r = min(m, n), both times the scale
        assert b["gradient_dual_norm"] <= a["gradient_dual_norm"] * (1 + 1e-6)
        assert a["gradient_dual_norm"] <= math.sqrt(min(a["shape"])) * b["gradient_dual_norm"] * (1 + 1e-6)


def test_noise_falls_with_the_batch(run):
    small, _ = estimate(run)
    config = json.loads((run / "config.json").read_text())
    config["options"]["batch"] *= 16
    (run / "config.json").write_text(json.dumps(config))
    large, _ = estimate(run)
    ratio = small["whole"]["sigma_squared"] / large["whole"]["sigma_squared"]
    assert 16 / 1.5 < ratio < 16 * 1.5, "16 times the sequences, each an independent draw; 8 pairs are 10 % sure"


def test_changes_nothing_but_its_own_file(run):
    before = snapshot(run)
    estimate(run, *FEW)
    after = snapshot(run)
    assert after.pop("estimate.json")
    assert after == before


def test_unfinished_run_has_a_checkpoint_too(tmp_path):
    run = train(tmp_path / "run", optimizer="f-neon:alpha=0.5", lr=0.02, steps=4)
    found, _ = estimate(run, *FEW)
    assert found["checkpoint_step"] == 4
    assert found["norm"].startswith("0.5*nuclear")


def test_no_checkpoint(tmp_path, run):
    (run / "checkpoint.safetensors").unlink()
    refused(tmp_path, "estimate", "run", words=["run", "has no checkpoint"])


def test_data_are_gone(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("all that is gold does not glitter " * 50)
    train(tmp_path / "run", data=text, lr=0.02)
    text.unlink()
    refused(tmp_path, "estimate", "run", words=["text.txt"])


@pytest.mark.parametrize("optimizer, words", [("adamw", ["'adamw'"]), ("d-fanion:k=2", ["d-fanion:k=2", "no norm"])])
def test_optimizers_without_a_norm(tmp_path, optimizer, words):
    train(tmp_path / "run", optimizer=optimizer, lr=0.005)
    refused(tmp_path, "estimate", "run", words=[*words, "--norm"])
    found, _ = estimate(tmp_path / "run", *FEW, "--norm", "nuclear")
    assert found["norm"].startswith("nuclear")


OPTIONS = {
    "no run": ([], ["run"]),
    "nowhere": (["nowhere"], ["nowhere", "holds no run"]),
    "norm": (["run", "--norm", "spectre"], ["'spectre'"]),
    "norm too large": (["run", "--norm", "ky_fan_dual:k=99"], ["k = 99"]),
    "batches": (["run", "--batches", 3], ["batches = 3", "even"]),
    "smoothness batches": (["run", "--smoothness-batches", 0], ["batches = 0"]),
    "directions": (["run", "--directions", -1], ["random_directions = -1"]),
    "step": (["run", "--step", -1], ["--step -1"]),
    "walk": (["run", "--walk", -1], ["--walk -1"]),
    "quantile": (["run", "--quantile", 2], ["--quantile 2", "(0, 1]"]),
    "eps": (["run", "--eps", -1], ["--eps -1"]),
    "seed": (["run", "--seed", -1], ["--seed -1"]),
}


@pytest.mark.parametrize("arguments, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, run, arguments, words):
    refused(tmp_path, "estimate", *arguments, words=words)
