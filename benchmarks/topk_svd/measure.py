"""Interleaved rounds: each runs every contestant, in a random order, on the same matrix with a seed of its own."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.topk_svd.contestant import Contestant, Problem
from benchmarks.topk_svd.products import Inputs
from benchmarks.topk_svd.trial import SHORT, Trial, attempt, timed
from benchmarks.topk_svd.tuning import SLOWER, Tuning

FIRST_SEED = 1000  # tuning has seen none of these
REST = 0.1  # seconds between runs: the idle threads of another library's pool spin that long before they sleep


@dataclass
class Measured:
    """A contestant's part in a problem: "measured", or why it was not: "slow", "failed", "missing"."""

    status: str
    tuning: Tuning
    trials: list[Trial] = field(default_factory=list)
    note: str = ""

    @property
    def seconds(self) -> list[float]:
        """By round."""
        return [t.seconds for t in self.trials]

    @property
    def median(self) -> float:
        """Of the seconds."""
        return statistics.median(self.seconds)

    @property
    def error(self) -> float:
        """The largest of the rounds."""
        return max(t.error for t in self.trials)

    @property
    def orthonormality(self) -> float:
        """The largest error of the rounds."""
        return max(t.orthonormality for t in self.trials)


@dataclass
class Result:
    """All that was measured of a problem."""

    problem: Problem
    parts: dict[str, Measured]
    fastest_products: dict[str, str]
    full_svd_seconds: float | None = None

    def ratios(self, of: str, to: str) -> list[float]:
        """How many times faster `to` was than `of`, by round."""
        return [a / b for a, b in zip(self.parts[of].seconds, self.parts[to].seconds, strict=True)]

    def fastest(self, names: Sequence[str]) -> str | None:
        """The one of least median time among those that were measured and kept the bound in most rounds."""
        fit = [n for n in names if n in self.parts and self.parts[n].status == "measured"]
        fit = [n for n in fit if statistics.median(t.error for t in self.parts[n].trials) <= self.problem.bound]
        return min(fit, key=lambda n: self.parts[n].median) if fit else None

    def as_json(self) -> dict[str, Any]:
        """Every figure."""
        return asdict(self)


def rounds(
    contestants: Sequence[Contestant],
    inputs: Inputs,
    problem: Problem,
    tunings: Mapping[str, Tuning],
    count: int,
    uncut: Sequence[str] = (),
) -> Result:
    """Runs the rounds after one unmeasured run of everyone.

    Peers SLOWER times behind the fastest stay out, but for those in `uncut`.
    """
    parts = {who.name: Measured("missing", Tuning("missing"), note=who.missing()) for who in contestants}
    peers = [tunings[who.name] for who in contestants if who.name in tunings and not who.is_ours]
    least = min((t.seconds for t in peers if t.status == "tuned"), default=0.0)
    running: list[Contestant] = []
    for who in contestants:
        if parts[who.name].note:
            continue
        tuning = tunings[who.name]
        fast = who.name in uncut or tuning.seconds <= max(SHORT, SLOWER * least)
        runs = who.is_ours or (tuning.status == "tuned" and fast)
        status = "measured" if runs else "failed" if tuning.status == "failed" else "slow"
        parts[who.name] = Measured(status, tuning, note=tuning.note)
        if runs:
            running.append(who)
    for who in running:
        attempt(who, inputs, problem, tunings[who.name].settings, FIRST_SEED)
    order = random.Random(0)
    for number in range(count):
        order.shuffle(running)
        for who in running:
            gc.collect()
            time.sleep(REST)
            trial = timed(who, inputs, problem, tunings[who.name].settings, FIRST_SEED + number, settle=True)
            parts[who.name].trials.append(trial)
    return Result(problem, parts, inputs.fastest)
