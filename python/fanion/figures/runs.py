"""Pictures of training runs: what their validations tell against steps and against wall-clock time.

Every run's `config.json` says what its quantities are called and how its axes are to be drawn, so that nothing here
knows an experiment.

``python -m fanion.figures.runs --out FILE.png RUN…`` is what ``fanion plot`` and ``fanion compare`` call.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanion.figures._command import report
from fanion.figures._run_files import read_json, read_log, say
from fanion.figures._style import COLOURS, DASHES, MARKERS


class NothingToDrawError(ValueError):
    """A folder without the validation losses of a training."""


@dataclass(frozen=True)
class Run:
    """One run folder's validation curves."""

    label: str
    options: dict[str, Any]
    figure: dict[str, Any]
    steps: list[int]
    values: dict[str, list[float]]  #: a list over steps for each quantity of the figure
    seconds: list[float]

    @property
    def losses(self) -> list[float]:
        """The first quantity, which tells runs apart."""
        return self.values[self.figure["quantities"][0]["key"]]


#: For run folders of before figures were recorded.
PLAIN_FIGURE = {
    "title": "",
    "quantities": [{"key": "validation_loss", "label": "validation loss", "log": False}],
    "x": {"label": "optimizer steps", "per_step": 1},
}


def config_of(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options and figure in a run folder's config. Raises ValueError, naming the file, where it is damaged."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or not isinstance(config.get("options"), dict):
        raise ValueError(f"{folder / 'config.json'} is damaged: it has no options")
    figure = config.get("figure", PLAIN_FIGURE)
    try:
        whole = all(isinstance(q["key"], str) and q["label"] and "log" in q for q in figure["quantities"])
        whole = whole and bool(figure["quantities"]) and float(figure["x"]["per_step"]) > 0 and "title" in figure
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise ValueError(f"{folder / 'config.json'} is damaged: its figure says not what to draw")
    return config["options"], figure


def read_run(folder: Path, label: str | None = None) -> Run:
    """Reads a run folder; a validation whose time a kill has kept from being written is left out, and said.

    Raises NothingToDrawError where there is none, and ValueError, naming file and line, where the folder is damaged.
    """
    options, figure = config_of(folder)
    keys = [quantity["key"] for quantity in figure["quantities"]]
    if "optimizer" not in options:
        raise NothingToDrawError(f"{folder} holds no training")
    seen: dict[int, dict[str, float]] = {}
    clock: dict[int, float] = {}
    if (folder / "metrics.jsonl").is_file():
        seen = {entry["step"]: entry for entry in read_log(folder / "metrics.jsonl") if keys[0] in entry}
    if (folder / "timings.jsonl").is_file():
        clock = {entry["step"]: entry["seconds"] for entry in read_log(folder / "timings.jsonl") if "seconds" in entry}
    steps = sorted(seen.keys() & clock.keys())
    if not steps:
        raise NothingToDrawError(f"{folder} holds no validation losses with their times")
    for step in sorted(seen.keys() - clock.keys()):
        say(f"{folder / 'timings.jsonl'}: has no time of step {step}, whose validation is left out")
    return Run(
        label=label or f"{options['optimizer']} (lr {options['lr']:g})",
        options=options,
        figure=figure,
        steps=steps,
        values={key: [seen[s][key] for s in steps] for key in keys},
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
    """Draws a row for each quantity that all runs have: its curves against steps and against seconds of training."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    quantities = [q for q in runs[0].figure["quantities"] if all(q["key"] in run.values for run in runs)]
    if not quantities:
        raise ValueError("the runs have no quantity in common; draw those of one experiment at a time")
    figure, rows = plt.subplots(
        len(quantities),
        2,
        figsize=(12, 1 + 4 * len(quantities)),
        sharey="row",
        sharex="col",
        squeeze=False,
        constrained_layout=True,
    )
    order = sorted(range(len(runs)), key=lambda i: runs[i].losses[-1])
    for quantity, (by_step, by_time) in zip(quantities, rows, strict=True):
        _draw_row(runs, order, quantity, by_step, by_time)
    rows[-1][0].set_xlabel(runs[0].figure["x"]["label"])
    rows[-1][1].set_xlabel("training time (seconds, without validation)")
    rows[0][1].legend(title="optimizer, final loss", frameon=False, loc="upper right")
    figure.suptitle(_title(runs))
    figure.savefig(png, dpi=130)
    plt.close(figure)


def _draw_row(runs: list[Run], order: list[int], quantity: dict[str, Any], by_step: Any, by_time: Any) -> None:
    key = quantity["key"]
    for i in order:
        run = runs[i]
        style = {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
            "markersize": 5,
            "markevery": max(1, len(run.steps) // 12),
            "linewidth": 1.6,
            "label": f"{run.label}  {four_digits(run.losses[-1])}",
        }
        by_step.plot([step * run.figure["x"]["per_step"] for step in run.steps], run.values[key], **style)
        by_time.plot(run.seconds, run.values[key], **style)
    by_step.set_ylabel(quantity["label"])
    if quantity["log"]:
        by_step.set_yscale("log")
    else:
        by_step.set_ylim(*_range([run.values[key] for run in runs]))
    for axes in (by_step, by_time):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)


def four_digits(value: float) -> str:
    """Four significant digits, zeros at the end too: numbers of one size are equally long, 1.890 beside 1.851."""
    return f"{value:#.4g}".removesuffix(".")


def _range(curves: list[list[float]]) -> tuple[float, float]:
    """The part of an axis where the curves differ: without where they all start."""
    after_start = [value for curve in curves for value in curve[1:]] or [curve[0] for curve in curves]
    first_looks = [curve[1] for curve in curves if len(curve) > 1] or after_start
    # A loss falls from its first look on, an accuracy rises.
    falls = sum(curve[-1] < curve[0] for curve in curves) * 2 >= len(curves)
    lowest = min(after_start) if falls else min(first_looks)
    highest = max(first_looks) if falls else max(after_start)
    margin = 0.04 * max(highest - lowest, 1e-3)
    return lowest - margin, highest + margin


def _title(runs: list[Run]) -> str:
    """The title that all runs share, else none."""
    titles = {run.figure["title"] for run in runs}
    return titles.pop() if len(titles) == 1 else ""


def main(arguments: list[str] | None = None) -> int:
    """The command line; see `report`."""
    parser = argparse.ArgumentParser(prog="python -m fanion.figures.runs", description="Draw run folders into one PNG.")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders")
    given = parser.parse_args(arguments)
    return report("fanion.figures.runs", "the runs", lambda: draw(read_runs(given.runs), given.out))


if __name__ == "__main__":
    sys.exit(main())
