"""One run of a contestant: its seconds and its measured error."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass

from benchmarks.topk_svd.contestant import Contestant, Problem, Settings
from benchmarks.topk_svd.errors import Triplets, lmo_gap, orthonormality_error, rank_k_error
from benchmarks.topk_svd.products import Inputs

SHORT = 0.05  # seconds; shorter runs are repeated; none is too slow
REPEATS = 5


@dataclass
class Trial:
    """One run, or what kept it from ending."""

    seconds: float
    error: float
    orthonormality: float = math.inf
    failure: str = ""


def attempt(who: Contestant, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Trial:
    """Times one run and measures its error, which is not part of the time."""
    return _measured(*_run(who, inputs, problem, settings, seed), inputs, problem)


def timed(
    who: Contestant, inputs: Inputs, problem: Problem, settings: Settings, seed: int, *, settle: bool = False
) -> Trial:
    """An attempt; a short one is repeated and the least time counts.

    A thread that sleeps takes up to some milliseconds to wake, whosever it is, and so does a processor to run at its
    speed. `settle`: for SHORT seconds in all, after which the median of the repeats counts. They come before the error
    is measured: NumPy's threads would spin beside those of a contestant that has its own.
    """
    seconds, found = _run(who, inputs, problem, settings, seed)
    if seconds < SHORT and not isinstance(found, str):
        repeats: list[float] = []
        while len(repeats) < REPEATS - 1 or (settle and sum(repeats) < SHORT):
            repeats.append(_run(who, inputs, problem, settings, seed)[0])
        seconds = statistics.median(repeats) if settle else min(seconds, *repeats)
    return _measured(seconds, found, inputs, problem)


def _run(
    who: Contestant, inputs: Inputs, problem: Problem, settings: Settings, seed: int
) -> tuple[float, Triplets | str]:
    """Seconds, and what was found or what kept it from ending."""
    start = time.perf_counter()
    try:
        found: Triplets | str = who.run(inputs, problem, settings, seed)
    except Exception as error:  # whatever a peer raises where its settings do not do
        found = f"{type(error).__name__}: {error}"[:200]
    return time.perf_counter() - start, found


def _measured(seconds: float, found: Triplets | str, inputs: Inputs, problem: Problem) -> Trial:
    if isinstance(found, str):
        return Trial(seconds, math.inf, failure=found)
    return Trial(seconds, measured_error(inputs, problem, found), orthonormality_error(found))


def measured_error(inputs: Inputs, problem: Problem, found: Triplets) -> float:
    """By the problem's criterion; infinite where the result is not finite."""
    exact = inputs.matrix.exact(problem.k)
    if problem.criterion == "rank_k":
        error = rank_k_error(found, exact)
    elif problem.criterion == "lmo_gap":
        error = lmo_gap(inputs.matrix.C, found, exact)
    else:
        raise ValueError(f"criterion {problem.criterion!r} is neither rank_k nor lmo_gap")
    return error if math.isfinite(error) else math.inf
