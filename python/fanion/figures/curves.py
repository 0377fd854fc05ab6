"""Pictures of curves in panels.

``python -m fanion.figures.curves FILE.json FILE.png`` is what ``fanion reproduce`` calls.

The JSON file holds a title and panels, each with its axes and curves; nothing here knows what they are of.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fanion.figures._command import report
from fanion.figures._run_files import read_json
from fanion.figures._style import COLOURS, DASHES, MARKERS


def styles(curves: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A style of its own for each label; a curve that is `like` another has that one's colour and an empty marker."""
    found: dict[str, dict[str, Any]] = {}
    plain = [curve["label"] for curve in curves if not curve["like"]]
    for label in plain:
        i = plain.index(label)
        found[label] = {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
        }
    for curve in curves:
        if curve["like"]:
            found[curve["label"]] = found[curve["like"]] | {"linestyle": "--", "markerfacecolor": "white"}
    return found


def draw(picture: dict[str, Any], png: Path) -> None:
    """Draws the panels, two in a row, on white paper, which is readable in print and on a dark page."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = picture["panels"]
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(6.2 * columns, 0.6 + 4.2 * rows), squeeze=False, constrained_layout=True
    )
    for panel, axes in zip(panels, grid.flat, strict=False):
        style = styles(panel["curves"])
        for curve in panel["curves"]:
            own = {"linewidth": 1.4, "markersize": 4.5, "markevery": max(1, len(curve["x"]) // 10)}
            (line,) = axes.plot(curve["x"], curve["y"], label=curve["label"], **(own | style[curve["label"]]))
            if any(curve["spread"]):
                low = [y - s for y, s in zip(curve["y"], curve["spread"], strict=True)]
                high = [y + s for y, s in zip(curve["y"], curve["spread"], strict=True)]
                axes.fill_between(curve["x"], low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set_xlabel(panel["x"]["label"])
        axes.set_ylabel(panel["y"]["label"])
        axes.set_xscale("log" if panel["x"]["log"] else "linear")
        axes.set_yscale("log" if panel["y"]["log"] else "linear")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    same = all([c["label"] for c in panel["curves"]] == labels for panel in panels)
    if same:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)), frameon=False)
    else:
        for axes in list(grid.flat)[: len(panels)]:
            axes.legend(frameon=False)
    figure.suptitle(picture["title"])
    figure.savefig(png, dpi=130)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """The command line; see `report`."""
    parser = argparse.ArgumentParser(
        prog="python -m fanion.figures.curves", description="Draw panels of curves into a PNG."
    )
    parser.add_argument("json", type=Path)
    parser.add_argument("png", type=Path)
    given = parser.parse_args(arguments)
    return report("fanion.figures.curves", str(given.json), lambda: draw(read_json(given.json), given.png))


if __name__ == "__main__":
    sys.exit(main())
