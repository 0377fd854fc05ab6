"""Megabytes that a process sends in a training step, as a table and a picture.

``python -m fanion.figures.scaling --processes 8 64 --k 8 --out scaling.png`` is what ``fanion scaling`` calls.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fanion import scaling
from fanion.figures._command import report
from fanion.figures.curves import draw


def picture(largest: int, k: int) -> dict[str, Any]:
    """A panel for each model: what `scaling.sent` says of 2, 4, 8, … processes up to the largest."""
    x = [2**i for i in range(1, largest.bit_length()) if 3 * 2**i <= 2 * largest] + [largest]
    panels = []
    for model in scaling.MODELS:
        of_each = [scaling.sent(model, p, k) for p in x]
        curves = [
            {"label": name, "like": "", "x": x, "y": [sent[name] / 1e6 for sent in of_each], "spread": []}
            for name in of_each[0]
        ]
        axes = {
            "x": {"label": "processes", "log": True},
            "y": {"label": f"{model.name}: MB that each sends a step", "log": True},
        }
        panels.append({**axes, "curves": curves})
    return {"title": "Traffic of the engines (DDP, FSDP2, TP), and what the optimizer adds", "panels": panels}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `report`."""
    parser = argparse.ArgumentParser(prog="python -m fanion.figures.scaling", description="Print and draw traffic.")
    parser.add_argument("--processes", type=int, nargs="+", required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    given = parser.parse_args(arguments)
    print(scaling.table(given.processes, given.k), flush=True)
    return report(
        "fanion.figures.scaling", str(given.out), lambda: draw(picture(max(given.processes), given.k), given.out)
    )


if __name__ == "__main__":
    sys.exit(main())
