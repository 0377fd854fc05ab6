"""Run folders of trainings: their options, what their pictures are to show, and their validation curves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanion.figures._run_files import read_json, read_log, say


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
