"""How the learning rates of `fanion compare gpt` were tuned; rerun it to tune them again.

    python benchmarks/tune_gpt.py --out runs/tuning

For each optimizer of app/experiments/gpt/tuned_rates.json: trains the demo's GPT with the rate in the file, with half
and with twice that, and goes on in the direction that gets better until both neighbours of the best rate are worse. The
seed is not the demo's, so the demo is not tuned on its own batches. Finished runs in the folder are used again. Prints
the record as Markdown and, with --write, puts the best rates into the file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

RATES = Path(__file__).parents[1] / "app" / "experiments" / "gpt" / "tuned_rates.json"
LARGEST_STEPS = 8


def validation_loss(run: Path) -> float | None:
    """The loss after the last step, or None where the run is not finished."""
    if not (run / "config.json").is_file():
        return None
    steps = json.loads((run / "config.json").read_text())["options"]["steps"]
    for line in (run / "metrics.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["step"] == steps and "validation_loss" in entry:
            return float(entry["validation_loss"])
    return None


def train(program: str, optimizer: str, lr: float, seed: int, out: Path, options: Sequence[str] = ()) -> float:
    """Validation loss of one run with further `options`; infinite where it diverged. `out` is for these options."""
    run = out / f"{optimizer.replace(':', '_').replace('=', '')}-lr{lr:g}-seed{seed}"
    known = validation_loss(run)
    if known is not None:
        return known
    shutil.rmtree(run, ignore_errors=True)
    command = [program, "train", "gpt", "--optimizer", optimizer, "--lr", repr(lr), "--seed", str(seed), *options]
    done = subprocess.run([*command, "--out", str(run)], capture_output=True, text=True)
    if done.returncode != 0 and "NaN or infinite" not in done.stderr:
        raise RuntimeError(done.stderr)
    return validation_loss(run) or float("inf")


def best_rate(
    program: str, optimizer: str, start: float, seed: int, out: Path, options: Sequence[str] = ()
) -> dict[float, float]:
    """Losses by rate on a grid of factor 2, grown until its best rate is inside."""
    losses = {lr: train(program, optimizer, lr, seed, out, options) for lr in (start / 2, start, 2 * start)}
    for _ in range(LARGEST_STEPS):
        best = min(losses, key=losses.__getitem__)
        wanted = [lr for lr in (best / 2, best * 2) if lr not in losses]
        if not wanted:
            break
        losses[wanted[0]] = train(program, optimizer, wanted[0], seed, out, options)
    return dict(sorted(losses.items()))


def main() -> None:
    """Tunes every optimizer of the file and prints the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(Path(sys.executable).parent / "fanion"), help="the fanion program")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning"), help="folder for the runs")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the best rates into the file")
    given = parser.parse_args()
    record = json.loads(RATES.read_text())
    print("| optimizer | learning rate: validation loss | chosen |\n|---|---|---|", flush=True)
    for entry in record["optimizers"]:
        losses = best_rate(given.program, entry["optimizer"], entry["lr"], given.seed, given.out)
        entry["lr"] = min(losses, key=losses.__getitem__)
        cells = ", ".join(f"{lr:g}: {loss:.4f}" for lr, loss in losses.items())
        print(f"| {entry['label']} | {cells} | {entry['lr']:g} |", flush=True)
    if given.write:
        lines = ",\n".join("    " + json.dumps(entry) for entry in record["optimizers"])
        RATES.write_text('{\n  "optimizers": [\n' + lines + "\n  ]\n}\n")


if __name__ == "__main__":
    main()
