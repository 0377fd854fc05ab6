"""`fanion balls`: the points lie where the formulas say, the corners are there, pictures are made, bad input."""

import json
import math

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from .running import PLOTS, fanion, refused, without_plots


def balls(folder, *arguments, env=None):
    result = fanion("balls", "--out", folder, *arguments, cwd=folder.parent, env=env)
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "balls.json").read_text()), result.stdout


def points_of(ball):
    points = np.array(ball["points"])
    assert np.isfinite(points).all()
    return points


def has(points, corner):
    return np.abs(points - corner).max(axis=1).min() < 1e-12


# ‖diag(σ)‖ at the rows of σ ≥ 0.
FORMULAS = {
    "frobenius": lambda s: np.sqrt((s**2).sum(1)),
    "spectral": lambda s: s.max(1),
    "nuclear": lambda s: s.sum(1),
    "max_entry": lambda s: s.max(1),
    "ky_fan:k=2": lambda s: np.sort(s)[:, -2:].sum(1),
    "ky_fan_dual:k=2": lambda s: np.maximum(s.max(1), s.sum(1) / 2),
    "schatten:p=3": lambda s: (s**3).sum(1) ** (1 / 3),
}
DUALS = {
    "frobenius": FORMULAS["frobenius"],
    "spectral": FORMULAS["nuclear"],
    "nuclear": FORMULAS["spectral"],
    "max_entry": FORMULAS["nuclear"],
    "ky_fan:k=2": FORMULAS["ky_fan_dual:k=2"],
    "ky_fan_dual:k=2": FORMULAS["ky_fan:k=2"],
    "schatten:p=3": lambda s: (s**1.5).sum(1) ** (2 / 3),
    "f-muon:alpha=0.25": lambda s: 0.25 * s.sum(1) + 0.75 * np.sqrt((s**2).sum(1)),
    "f-neon:alpha=0.75": lambda s: 0.75 * s.max(1) + 0.25 * np.sqrt((s**2).sum(1)),
}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_points_are_where_the_formulas_say(tmp_path, dimensions):
    arguments = ["--norm", *DUALS, "--dual", "--dimensions", dimensions]
    ((picture,), _) = balls(tmp_path / "run", *arguments)
    drawn = [(panel, ball) for panel in picture["panels"] for ball in panel["balls"]]
    assert len(drawn) == 2 * len(DUALS)
    for panel, ball in drawn:
        name = panel["title"].removesuffix(", dual")
        formula = (DUALS if ball["dual"] else FORMULAS).get(name)
        points = points_of(ball)
        assert points.shape[1] == dimensions
        if formula is not None:
            np.testing.assert_allclose(formula(np.abs(points)), 1, rtol=1e-12)


def steiner(alpha, ball, angles):
    """Points of α·B + (1−α)·(disc) with the outward normals at `angles`; `ball` gives those of B."""
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return alpha * ball(normals) + (1 - alpha) * normals


def of_square(normals):
    return np.sign(normals)


def of_diamond(normals):
    return np.sign(normals) * (np.abs(normals) == np.abs(normals).max(axis=1, keepdims=True))


@pytest.mark.parametrize(("family", "ball"), [("f-muon", of_square), ("f-neon", of_diamond)])
@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9])
def test_mixtures_are_minkowski_sums(tmp_path, family, ball, alpha):
    # Points of the sum by another road, in polar coordinates beside the curve: chords are within 5e-5 of it.
    ((picture,), _) = balls(tmp_path / "run", "--norm", f"{family}:alpha={alpha}")
    points = points_of(picture["panels"][0]["balls"][0])
    angles = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    assert (np.diff(angles) > 0).all()
    assert angles[-1] - angles[0] == pytest.approx(2 * math.pi)
    expected = steiner(alpha, ball, np.linspace(0.01, 2 * math.pi, 500, endpoint=False))
    at = np.arctan2(expected[:, 1], expected[:, 0])
    at = np.where(at < angles[0], at + 2 * math.pi, at)
    drawn = np.stack([np.interp(at, angles, points[:, i]) for i in (0, 1)], axis=1)
    # The interpolation is along a chord, by angle instead of length: its points are on the chord up to 1e-4.
    np.testing.assert_allclose(np.hypot(*drawn.T), np.hypot(*expected.T), atol=3e-4)


def test_corners(tmp_path):
    ((picture,), _) = balls(tmp_path / "plane", "--norm", "spectral", "nuclear")
    square, diamond = (points_of(panel["balls"][0]) for panel in picture["panels"])
    for x, y in [(1, 0), (0, 1), (-1, 0), (0, -1)]:
        assert has(diamond, (x, y))
        assert has(square, (x - y, x + y))
    ((picture,), _) = balls(tmp_path / "space", "--norm", "ky_fan_dual:k=2", "--dual", "--dimensions", 3)
    cuboctahedron, dodecahedron = (points_of(panel["balls"][0]) for panel in picture["panels"])
    for i in range(3):
        for a in (-1, 1):
            assert has(dodecahedron, a * np.eye(3)[i])
            for b in (-1, 1):
                assert has(cuboctahedron, a * np.eye(3)[i] + b * np.eye(3)[(i + 1) % 3])
                assert all(has(dodecahedron, np.array([a, b, c]) / 2) for c in (-1, 1))


@pytest.mark.parametrize(
    ("norm", "missing"), [("frobenius", 2e-3), ("f-neon:alpha=0.5", 2e-3), ("ky_fan_dual:k=2", 1e-12)]
)
def test_surfaces_are_closed_and_convex(tmp_path, norm, missing):
    ((picture,), _) = balls(tmp_path / "run", "--norm", norm, "--dimensions", 3)
    ball = picture["panels"][0]["balls"][0]
    points, triangles = points_of(ball), np.array(ball["triangles"])
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    both_ways = {tuple(edge) for edge in edges.tolist()}
    assert len(both_ways) == len(edges)
    assert both_ways == {(b, a) for a, b in both_ways}
    assert len(points) - len(edges) // 2 + len(triangles) == 2  # Euler
    a, b, c = (points[triangles[:, i]] for i in range(3))
    pieces = (a * np.cross(b, c)).sum(axis=1) / 6
    assert (pieces > 0).all(), "seen from outside against the clock"
    hull = ConvexHull(points).volume
    assert (1 - missing) * hull <= pieces.sum() <= (1 + 1e-12) * hull


@pytest.mark.skipif(bool(without_plots()), reason=without_plots() or "plots work")
@pytest.mark.parametrize("dimensions", [2, 3])
def test_pictures_show_something(tmp_path, dimensions):
    from matplotlib.image import imread

    folder = tmp_path / "run"
    arguments = ["--norm", "ky_fan_dual:k=2", "frobenius", "--dual", "--dimensions", dimensions]
    _, out = balls(folder, *arguments, env=PLOTS)
    assert str(folder / "balls.png") in out
    pixels = (imread(folder / "balls.png")[..., :3] * 255).astype(int).reshape(-1, 3)
    coloured = pixels[(pixels.max(axis=1) - pixels.min(axis=1)) > 40]
    assert len(np.unique(coloured, axis=0)) >= 5
    assert len(coloured) > 0.005 * len(pixels)


def test_the_paper_s_figures(tmp_path):
    pictures, out = balls(tmp_path / "run")
    assert [p["file"] for p in pictures] == ["figure-3.png", "figure-5.png", "figure-6.png"]
    assert all(str(tmp_path / "run" / p["file"]) in out for p in pictures)
    lmo_balls, duals, ky_fan = (p["panels"] for p in pictures)
    muon, f_muon = lmo_balls[0]["balls"]
    assert (muon["norm"], muon["dual"]) == ("spectral", False)
    assert f_muon["norm"].startswith("0.5*spectral:")
    for panel, last in zip(duals, ["spectral", "nuclear"], strict=True):
        assert [b["label"] for b in panel["balls"]] == [f"α = {alpha}" for alpha in (0, 0.25, 0.5, 0.75, 1)]
        np.testing.assert_allclose(np.hypot(*points_of(panel["balls"][0]).T), 1, rtol=1e-12)
        np.testing.assert_allclose(FORMULAS[last](np.abs(points_of(panel["balls"][-1]))), 1, rtol=1e-12)
    for panel, name in zip(ky_fan, ["ky_fan:k=2", "ky_fan_dual:k=2"], strict=True):
        np.testing.assert_allclose(FORMULAS[name](np.abs(points_of(panel["balls"][0]))), 1, rtol=1e-12)


OPTIONS = {
    "unknown norm": (["--norm", "frob"], ["unknown rule 'frob'", "frobenius", "nuclear"]),
    "no norm": (["--norm", "d-fanion:k=1"], ["d-fanion:k=1", "no norm"]),
    "k too large": (["--norm", "ky_fan_dual:k=3"], ["k = 3", "2 x 2"]),
    "one of several": (["--norm", "spectral", "frob"], ["'frob'"]),
    "dimensions": (["--norm", "spectral", "--dimensions", 4], ["--dimensions 4", "2 or 3"]),
    "dual of nothing": (["--dual"], ["--dual", "--norm"]),
    "dimensions of nothing": (["--dimensions", 3], ["--dimensions", "--norm"]),
}


@pytest.mark.parametrize("arguments, words", OPTIONS.values(), ids=OPTIONS)
def test_option(tmp_path, arguments, words):
    refused(tmp_path, "balls", "--out", "run", *arguments, words=words)


def test_folder_that_is_taken(tmp_path):
    balls(tmp_path / "run", "--norm", "spectral")
    refused(tmp_path, "balls", "--norm", "nuclear", "--out", "run", words=["run", "already holds a run"])
