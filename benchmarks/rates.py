"""A learning rate for every rule to start from, and whether AdamW's carries over with match_rms_adamw.

    python -m benchmarks.rates --out runs/rates

Trains a small GPT with every rule of the list at both shape scales, on a grid of factor 2 that grows until its best
rate is inside; and, with Muon at its best rate, with other rates of the AdamW groups. Finished runs in the folder are
used again. Prints its tables as Markdown.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.tune_gpt import best_rate, train

SIZES = {"width": 64, "layers": 2, "context": 64, "batch": 16, "steps": 200, "eval-every": 200, "threads": 1}
TASK = [f"--{name}={value}" for name, value in SIZES.items()]
# Where the grids start: rates for `original` and for `match_rms_adamw`.
STARTS = {
    "adamw": (0.008, 0.008),
    "muon": (0.04, 0.008),
    "f-muon": (0.04, 0.008),
    "s-muon": (0.04, 0.008),
    "d-fanion:k=8": (0.04, 0.008),
    "fanion:k=8": (0.04, 0.008),
    "f-fanion:k=8": (0.04, 0.008),
    "neon": (0.05, 0.008),
    "f-neon": (0.05, 0.008),
    "nsgd": (0.04, 0.008),
    "signum": (0.002, 0.008),
}
SCALES = ("original", "match_rms_adamw")


def main() -> None:
    """Runs what is missing and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(Path(sys.executable).parent / "fanion"), help="the fanion program")
    parser.add_argument("--out", type=Path, default=Path("runs/rates"), help="folder for the runs")
    parser.add_argument("--rules", nargs="+", default=list(STARTS), choices=list(STARTS), metavar="RULE")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--data", help="a text instead of the program's own")
    given = parser.parse_args()
    task = [*TASK, *(["--data", given.data] if given.data else [])]
    print("| rule | scale | learning rate: validation loss | best |\n|---|---|---|---|", flush=True)
    muon = {}
    for rule in given.rules:
        for scale, start in zip(SCALES, STARTS[rule], strict=True):
            if rule == "adamw" and scale != SCALES[0]:
                continue
            options = [*task, "--scale", scale]
            losses = best_rate(given.program, rule, start, given.seed, given.out / scale, options)
            best = min(losses, key=losses.__getitem__)
            if rule == "muon":
                muon[scale] = best
            cells = ", ".join(f"{lr:g}: {loss:.3f}" for lr, loss in losses.items())
            print(f"| {rule} | {scale} | {cells} | {best:g} |", flush=True)
    if not muon:
        return
    print("\n| AdamW groups' rates, times | validation loss of Muon |\n|---|---|", flush=True)
    for factor in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4):
        rates = {"embedding-lr": 0.02, "head-lr": 0.004, "gain-lr": 0.004}
        options = [*task, "--scale", SCALES[0], *(x for k, v in rates.items() for x in (f"--{k}", repr(v * factor)))]
        folder = given.out / f"adamw-times-{factor:g}"
        print(
            f"| {factor:g} | {train(given.program, 'muon', muon[SCALES[0]], given.seed, folder, options):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
