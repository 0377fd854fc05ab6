"""The peers on a matrix that is given with its exact triplets: what `fanion svd --peers` calls.

    python -m benchmarks.topk_svd.given FOLDER --k 10 --criterion rank_k --tol 0.01 --budget 20 --rounds 3

reads A.npy (float32), U.npy, S.npy and V.npy (float64) in FOLDER and writes peers.json there.
"""

from benchmarks import openblas

if __name__ == "__main__":
    openblas.start_unpinned("benchmarks.topk_svd.given")

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.topk_svd import cache, measure, tuning
from benchmarks.topk_svd.contestant import Problem
from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.matrices import Matrix
from benchmarks.topk_svd.peers import PEERS
from benchmarks.topk_svd.products import Inputs

SEEDS = 3  # of the tuning


def measured(folder: Path, k: int, criterion: str, tol: float, budget: float, rounds: int) -> list[dict[str, Any]]:
    """A row for each peer: "measured", or why not ("slow", "failed", "missing")."""
    U, S, V = (np.load(folder / f"{name}.npy") for name in "USV")
    inputs = Inputs(Matrix(str(folder), np.load(folder / "A.npy"), Triplets(U, S, V)))
    problem = Problem(str(folder), k, criterion, tol, inputs.shape)
    present = [who for who in PEERS if not who.missing()]
    tunings = tuning.tuned(present, inputs, problem, {}, seeds=range(SEEDS), budget=budget)
    result = measure.rounds(PEERS, inputs, problem, tunings, rounds)
    rows = []
    for name, part in result.parts.items():
        timed = statistics.median(part.seconds) if part.trials else part.tuning.seconds
        rows.append({
            "name": name,
            "status": part.status,
            "seconds": timed if math.isfinite(timed) else None,
            "least": part.tuning.status == "slow",
            "error": part.error if part.trials else part.tuning.error,
            "settings": part.tuning.settings,
            "note": part.note,
        })  # fmt: skip
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="with A.npy, U.npy, S.npy, V.npy")
    parser.add_argument("--available", action="store_true", help="only tell, by the exit status, that all is there")
    parser.add_argument("--k", type=int, default=1)
    parser.add_argument("--criterion", choices=["rank_k", "lmo_gap"], default="rank_k")
    parser.add_argument("--tol", type=float, default=0.01)
    parser.add_argument("--budget", type=float, default=20, help="seconds of tuning for a peer")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.available:
        return
    if given.folder is None:
        parser.error("name the folder, or --available")
    with threadpool_limits(torch.get_num_threads()):
        rows = measured(given.folder, given.k, given.criterion, given.tol, given.budget, given.rounds)
    (given.folder / "peers.json").write_text(json.dumps(cache.strict(rows), indent=1, allow_nan=False))


if __name__ == "__main__":
    main()
