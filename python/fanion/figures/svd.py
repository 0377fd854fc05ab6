"""Pictures of `fanion svd`: measured error against time, and against passes over the matrix.

``python -m fanion.figures.svd FOLDER`` reads results.json there and writes error-time.png and error-passes.png.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fanion.figures._command import draw_folder
from fanion.figures._run_files import read_json
from fanion.figures._style import COLOURS, MARKERS
from fanion.linalg import SVD_METHODS

METHODS = SVD_METHODS[1:]  # without "auto", which another one stands in for
LEGEND_ENTRY = 2.2  # inches that the longest takes
PEER_MARKERS = ("x", "+", "*", "1", "2", "3")
CRITERIA = {
    "rank_k": "‖ÛŜV̂ᵀ − A_k‖ / ‖A_k‖  (Frobenius)",
    "lmo_gap": "1 − ⟨A, ÛV̂ᵀ⟩ / Σσᵢ",
    "residual": "largest residual / σ₁",
}

Point = dict[str, Any]


def colour_of(method: str) -> str:
    """The same colour for a method in every picture."""
    return COLOURS[METHODS.index(method)]


def marker_of(method: str) -> str:
    """The same marker for a method in every picture."""
    return MARKERS[METHODS.index(method)]


def _drawable(error: float | None) -> bool:
    return error is not None and math.isfinite(error) and error > 0


def _draw(results: dict[str, Any], png: Path, *, x_of: Callable[[Point], float], x_label: str, with_runs: bool) -> None:
    """A panel for each k, error down and `x_of` a point to the right, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    options = results["options"]
    ks: list[int] = options["k"]
    columns = min(3, len(ks))
    rows = math.ceil(len(ks) / columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(max(5.5, 4.2 * columns), 4.4 * rows), sharey=True, squeeze=False, layout="constrained"
    )
    shown: dict[str, Line2D] = {}
    peers: dict[str, dict[str, Any]] = {}
    for axes, k in zip(panels.flat, ks, strict=False):
        for curve in results["curves"]:
            points = [p for p in curve["points"] if _drawable(p["error"])]
            if curve["k"] != k or not points:
                continue
            method = curve["method"]
            (shown[method],) = axes.plot(
                [x_of(p) for p in points],
                [p["error"] for p in points],
                color=colour_of(method),
                marker=marker_of(method),
                markersize=4,
                linewidth=1.5,
            )
        if with_runs:
            for run in results["runs"]:
                error = run["errors"][options["criterion"]]
                if run["k"] != k or run["status"] != "converged" or not _drawable(error):
                    continue
                axes.plot(
                    [run["median_seconds"]],
                    [error],
                    color=colour_of(run["ran"]),
                    marker=marker_of(run["ran"]),
                    markersize=11,
                    markerfacecolor="none" if run["ran"] != "dense" else colour_of("dense"),
                    markeredgewidth=1.8,
                    linestyle="none",
                )
                shown.setdefault(run["ran"], axes.lines[-1])
            for peer in results["peers"].get(str(k), []):
                if peer["status"] != "measured" or not _drawable(peer["error"]) or peer["seconds"] is None:
                    continue
                style = {"marker": PEER_MARKERS[len(peers) % len(PEER_MARKERS)], "markersize": 8}
                style = peers.setdefault(peer["name"], style)
                axes.plot([peer["seconds"]], [peer["error"]], color="#333333", linestyle="none", **style)
        axes.axhline(options["tol"], color="#888888", linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"k = {k}")
        axes.set_xlabel(x_label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels.flat[len(ks) :]:
        axes.set_axis_off()
    for row in panels:
        row[0].set_ylabel(CRITERIA[options["criterion"]])
    handles = [
        Line2D([], [], color=colour_of(m), marker=marker_of(m), markersize=5, linewidth=1.5, label=m)
        for m in METHODS if m in shown
    ]  # fmt: skip
    handles.append(Line2D([], [], color="#888888", linewidth=0.8, linestyle="--", label=f"tol {options['tol']:g}"))
    if with_runs:
        handles.append(
            Line2D([], [], color="#444444", marker="o", markersize=10, markerfacecolor="none", linestyle="none",
                   label="stopped by its own bound")
        )  # fmt: skip
    handles += [
        Line2D([], [], color="#333333", linestyle="none", label=f"{name}, tuned", **style)
        for name, style in peers.items()
    ]
    columns = int(figure.get_figwidth() / LEGEND_ENTRY)
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)), frameon=False)
    what = options["spectrum"] or Path(options["matrix"]).name
    figure.suptitle(f"{results['rows']} × {results['cols']} {options['dtype']}, {what}: measured error")
    figure.savefig(png, dpi=110)
    plt.close(figure)


def draw(folder: Path) -> None:
    """Writes both pictures into the folder of a `fanion svd`."""
    results = read_json(folder / "results.json")
    _draw(results, folder / "error-time.png", x_of=lambda p: float(p["seconds"]), x_label="seconds", with_runs=True)
    _draw(
        results,
        folder / "error-passes.png",
        x_of=lambda p: float(p["passes"]),
        x_label="passes (A·X and Aᵀ·Y each)",
        with_runs=False,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; see `draw_folder`."""
    return draw_folder("fanion.figures.svd", "Draw the results of fanion svd.", "results.json", draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
