"""Pictures of training runs: what their validations tell against steps and against wall-clock time.

Every run's `config.json` says what its quantities are called and how its axes are to be drawn, so that nothing here
knows an experiment.

``python -m fanion.figures.runs --out FILE.png RUN…`` is what ``fanion plot`` and ``fanion compare`` call.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fanion.figures._command import report
from fanion.figures._style import COLOURS, DASHES, MARKERS
from fanion.figures._training_runs import Run, read_runs


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
