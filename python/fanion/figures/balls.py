"""Pictures of `fanion balls`: unit balls of norms among diagonal matrices, in two or three singular values.

``python -m fanion.figures.balls FOLDER`` reads balls.json there and writes the pictures that it describes.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanion.figures._command import draw_folder
from fanion.figures._run_files import read_json
from fanion.figures._style import COLOURS, DASHES

Ball = dict[str, Any]
Array = NDArray[np.float64]

ELEVATION, AZIMUTH = 22.0, 28.0  # degrees: no symmetry plane of a Ky Fan ball is seen edge on
SHARP = math.cos(math.radians(12))  # normals closer than this are one smooth surface


def _draw_plane(axes: Any, panel: dict[str, Any]) -> None:
    for i, ball in enumerate(panel["balls"]):
        x, y = zip(*ball["points"], strict=True)
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
        if len(panel["balls"]) <= 2:
            axes.fill(x, y, color=colour, alpha=0.06, linewidth=0)
        axes.plot(x, y, color=colour, linestyle=dash, linewidth=1.8, label=ball["label"], solid_joinstyle="miter")
    axes.axhline(0, color="#999999", linewidth=0.7, zorder=0)
    axes.axvline(0, color="#999999", linewidth=0.7, zorder=0)
    axes.set_aspect("equal")
    axes.locator_params(nbins=5)
    axes.set_xlabel(r"$\sigma_1$")
    axes.set_ylabel(r"$\sigma_2$", rotation=0, labelpad=8)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(panel["title"])


def _towards_viewer() -> Array:
    elevation, azimuth = math.radians(ELEVATION), math.radians(AZIMUTH)
    return np.array([
        math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth), math.sin(elevation)
    ])  # fmt: skip


def _sharp_edges(corners: Array, triangles: NDArray[np.int64], normals: Array, front: NDArray[np.bool_]) -> Array:
    """The segments (e, 2, 3) where two triangles meet at an angle and one of them is seen."""
    seen: dict[tuple[int, int], int] = {}
    segments = []
    for t, triangle in enumerate(triangles.tolist()):
        for a, b in ((0, 1), (1, 2), (2, 0)):
            edge = (min(triangle[a], triangle[b]), max(triangle[a], triangle[b]))
            other = seen.setdefault(edge, t)
            if other != t and (front[t] or front[other]) and normals[t] @ normals[other] < SHARP:
                segments.append(corners[list(edge)])
    return np.array(segments).reshape(-1, 2, 3)


def _draw_space(axes: Any, panel: dict[str, Any]) -> None:
    """What is seen of a convex body from afar: the triangles that face the viewer, and its edges among them."""
    from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

    (ball,) = panel["balls"]
    corners = np.array(ball["points"])
    triangles = np.array(ball["triangles"])
    a, b, c = (corners[triangles[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    front = normals @ _towards_viewer() > 0
    light = np.array([0.5, 0.2, 0.85]) / np.linalg.norm([0.5, 0.2, 0.85])
    brightness = 0.45 + 0.55 * (normals[front] @ light + 1) / 2
    base = np.array([0.62, 0.82, 0.97])
    colours = base * brightness[:, None]
    axes.add_collection3d(
        Poly3DCollection(
            corners[triangles[front]], facecolors=colours, edgecolors=colours, linewidths=0.4, antialiased=False
        )
    )
    edges = _sharp_edges(corners, triangles, normals, front)
    if len(edges) > 0:
        axes.add_collection3d(Line3DCollection(edges, colors="#1a2a3a", linewidths=1.1))
    size = 1.05 * float(np.abs(corners).max())
    axes.set(xlim=(-size, size), ylim=(-size, size), zlim=(-size, size))
    axes.set_box_aspect((1, 1, 1), zoom=0.92)  # leaves room for the labels
    axes.set_proj_type("ortho")
    axes.view_init(ELEVATION, AZIMUTH)
    axes.set_xlabel(r"$\sigma_1$")
    axes.set_ylabel(r"$\sigma_2$")
    axes.set_zlabel(r"$\sigma_3$", labelpad=3)
    axes.locator_params(nbins=5)
    axes.set_title(panel["title"])


def _draw(picture: dict[str, Any], folder: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = picture["panels"]
    in_space = "triangles" in panels[0]["balls"][0]
    columns = min(2 if in_space else 4, len(panels))
    rows = math.ceil(len(panels) / columns)
    side = 4.4 if columns <= 2 else 3.0
    figure, grid = plt.subplots(
        rows, columns, figsize=(side * columns, (0.95 if in_space else 1) * side * rows + 0.5), squeeze=False,
        layout="constrained",
        subplot_kw={"projection": "3d"} if in_space else {},
    )  # fmt: skip
    for axes, panel in zip(grid.flat, panels, strict=False):
        (_draw_space if in_space else _draw_plane)(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    if len(panels[0]["balls"]) > 1:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    if picture["title"]:
        figure.suptitle(picture["title"])
    figure.savefig(folder / picture["file"], dpi=90, pil_kwargs={"optimize": True})
    plt.close(figure)


def draw(folder: Path) -> None:
    """Writes the pictures into the folder of a `fanion balls`."""
    for picture in read_json(folder / "balls.json"):
        _draw(picture, folder)


def main(arguments: list[str] | None = None) -> int:
    """The command line; see `draw_folder`."""
    return draw_folder("fanion.figures.balls", "Draw the balls of fanion balls.", "balls.json", draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
