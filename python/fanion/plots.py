"""Pictures of training runs: validation loss against steps and against wall-clock time.

``python -m fanion.plots --out FILE.png RUN…`` is what ``fanion plot`` and ``fanion compare`` call.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanion.plot_command import report
from fanion.run_files import read_json, read_log, say

# Okabe & Ito's colours, distinguishable with every common form of colour blindness; yellow is left out as too
# pale on white. Markers and dashes tell more than seven runs apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":", "-.")


class NothingToDrawError(ValueError):
    """A folder without the validation losses of a training."""


@dataclass(frozen=True)
class Run:
    """One run folder's validation curve."""

    label: str
    options: dict[str, Any]
    steps: list[int]
    losses: list[float]
    seconds: list[float]


def options_of(folder: Path) -> dict[str, Any]:
    """The options in a run folder's config. Raises ValueError, naming the file, where there are none."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or not isinstance(config.get("options"), dict):
        raise ValueError(f"{folder / 'config.json'} is damaged: it has no options")
    return config["options"]


def read_run(folder: Path, label: str | None = None) -> Run:
    """Reads a run folder; a validation whose time a kill has kept from being written is left out, and said.

    Raises NothingToDrawError where there is none, and ValueError, naming file and line, where the folder is damaged.
    """
    options = options_of(folder)
    if "optimizer" not in options:
        raise NothingToDrawError(f"{folder} holds no training")
    losses: dict[int, float] = {}
    clock: dict[int, float] = {}
    for name, key, values in (("metrics.jsonl", "validation_loss", losses), ("timings.jsonl", "seconds", clock)):
        if (folder / name).is_file():
            values.update({entry["step"]: entry[key] for entry in read_log(folder / name) if key in entry})
    steps = sorted(losses.keys() & clock.keys())
    if not steps:
        raise NothingToDrawError(f"{folder} holds no validation losses with their times")
    for step in sorted(losses.keys() - clock.keys()):
        say(f"{folder / 'timings.jsonl'}: has no time of step {step}, whose validation is left out")
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
    labels = {entry["folder"]: entry["label"] for entry in read_json(listing)}
    return [labels.get(f.name) for f in folders]


def read_runs(folders: list[Path]) -> list[Run]:
    """The runs among the folders, saying which are left out and why. Raises ValueError where none is left."""
    runs, reasons = [], []
    for folder, label in zip(folders, labels_of(folders), strict=True):
        try:
            runs.append(read_run(folder, label))
        except NothingToDrawError as error:
            reasons.append(str(error))
    if not runs:
        raise NothingToDrawError("; ".join(reasons))
    for reason in reasons:
        say(f"{reason}, left out")
    return runs


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
    """The command line; see `report`."""
    parser = argparse.ArgumentParser(prog="python -m fanion.plots", description="Draw run folders into one PNG.")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    given = parser.parse_args(arguments)
    return report("fanion.plots", "the runs", lambda: draw(read_runs(given.runs), given.out))


if __name__ == "__main__":
    sys.exit(main())
