"""Pictures of training runs: validation loss against steps and against wall-clock time.

``python -m fanion.plots --out FILE.png RUN…`` is what ``fanion plot`` and ``fanion compare`` call.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Okabe & Ito's colours, distinguishable with every common form of colour blindness; yellow is left out as too
# pale on white. Markers and dashes tell more than seven runs apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Run:
    """One run folder's validation curve."""

    label: str
    options: dict[str, Any]
    steps: list[int]
    losses: list[float]
    seconds: list[float]


def read_run(folder: Path, label: str | None = None) -> Run:
    """Reads a run folder. Raises ValueError, naming the folder, where it holds no validation losses."""
    config = json.loads((folder / "config.json").read_text())
    losses: dict[int, float] = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if "validation_loss" in entry:
            losses[entry["step"]] = entry["validation_loss"]
    clock: dict[int, float] = {}
    for line in (folder / "timings.jsonl").read_text().splitlines():
        entry = json.loads(line)
        clock[entry["step"]] = entry["seconds"]
    steps = sorted(losses)
    if not steps:
        raise ValueError(f"{folder} holds no validation losses")
    options = config["options"]
    return Run(
        label=label or f"{options['optimizer']} (lr {options['lr']:g})",
        options=options,
        steps=steps,
        losses=[losses[s] for s in steps],
        seconds=[clock[s] for s in steps],
    )


def labels_of(folders: list[Path]) -> list[str | None]:
    """The labels of a comparison where every run belongs to the same one, else None each."""
    listing = folders[0].parent / "comparison.json"
    if not listing.is_file() or any(f.parent != folders[0].parent for f in folders):
        return [None] * len(folders)
    labels = {entry["folder"]: entry["label"] for entry in json.loads(listing.read_text())}
    return [labels.get(f.name) for f in folders]


def draw(runs: list[Run], png: Path) -> None:
    """Draws the curves side by side, against steps and against seconds of training."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (by_step, by_time) = plt.subplots(1, 2, figsize=(12, 5), sharey=True, constrained_layout=True)
    order = sorted(range(len(runs)), key=lambda i: runs[i].losses[-1])
    for i in order:
        run = runs[i]
        style = {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
            "markersize": 5,
            "linewidth": 1.6,
            "label": f"{run.label}  {run.losses[-1]:.3f}",
        }
        by_step.plot(run.steps, run.losses, **style)
        by_time.plot(run.seconds, run.losses, **style)
    by_step.set_xlabel("optimizer steps")
    by_time.set_xlabel("training time (seconds, without validation)")
    by_step.set_ylabel("validation loss (nats per token)")
    lowest, highest = _loss_range(runs)
    by_step.set_ylim(lowest, highest)
    for axes in (by_step, by_time):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    by_time.legend(title="optimizer, final loss", frameon=False, loc="upper right")
    figure.suptitle(_title(runs))
    figure.savefig(png, dpi=130)
    plt.close(figure)


def _loss_range(runs: list[Run]) -> tuple[float, float]:
    """The part of the axis where the curves differ: from the best end to what all reached after the first look."""
    lowest = min(min(run.losses) for run in runs)
    after_start = [run.losses[1] for run in runs if len(run.losses) > 1]
    highest = max(after_start) if after_start else max(run.losses[0] for run in runs)
    margin = 0.04 * max(highest - lowest, 1e-3)
    return lowest - margin, highest + margin


def _title(runs: list[Run]) -> str:
    options = runs[0].options
    data = Path(options["data"]).name
    sizes = f"{options['layers']} layers, d = {options['width']}, {options['batch']}×{options['context']} tokens a step"
    same = all(
        (r.options["layers"], r.options["width"], r.options["data"])
        == (options["layers"], options["width"], options["data"])
        for r in runs
    )
    return f"GPT on {data}: {sizes}, seed {options['seed']}" if same else "GPT runs"


def main(arguments: list[str] | None = None) -> int:
    """The command line; prints one line on standard error and returns 1 where a run cannot be drawn."""
    parser = argparse.ArgumentParser(prog="python -m fanion.plots", description="Draw run folders into one PNG.")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    given = parser.parse_args(arguments)
    try:
        labels = labels_of(given.runs)
        draw([read_run(folder, label) for folder, label in zip(given.runs, labels, strict=True)], given.out)
    except (ImportError, OSError, ValueError, KeyError) as error:
        print(f"fanion.plots: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
