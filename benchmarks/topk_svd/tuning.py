"""The fastest settings of a contestant that are accurate enough, by trying.

For every variant the least effort that keeps the measured error within its bound, with every seed, is found by
doubling and halving. A variant is given up as soon as a run that is not accurate enough takes longer than the best
that is, or than SLOWER times the fastest peer so far: more effort would take longer still.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmarks.topk_svd.contestant import Contestant, Problem, Settings
from benchmarks.topk_svd.products import Inputs
from benchmarks.topk_svd.trial import SHORT, Trial, attempt, timed

SLOWER = 5.0
FINALISTS = 4  # settings that are timed again, in turns, for what was chosen may have had a quiet moment
FINAL = 0.5  # seconds; longer runs have no final
LONGEST_STEP = 4  # of the doubling, in efforts: at most half as long again for counts, a decade for tolerances


@dataclass
class Tuning:
    """What came out. `status`: "tuned"; "slow": too slow to go on, `seconds` is then a lower bound; "failed"."""

    status: str
    settings: Settings = field(default_factory=dict)
    seconds: float = math.inf
    error: float = math.inf
    trials: int = 0
    spent: float = 0.0
    note: str = ""


class Search:
    """The search for one contestant."""

    def __init__(
        self, who: Contestant, inputs: Inputs, problem: Problem, seeds: Sequence[int], budget: float, limit: float
    ) -> None:
        self.who, self.inputs, self.problem = who, inputs, problem
        self.seeds, self.limit = seeds, limit
        self.deadline = time.perf_counter() + budget
        self.best = Tuning("failed")
        self.accurate: list[Tuning] = []
        self.given_up_at: list[float] = []
        self.failure = ""

    def run(self) -> Tuning:
        """All variants, then those near the best."""
        start = time.perf_counter()
        variants = self.who.variants(self.problem)
        first = {**variants[0], self.who.knob: self.who.efforts(self.problem)[0]}
        attempt(self.who, self.inputs, self.problem, first, self.seeds[0])  # imports, and threads that start
        for variant in variants:
            self._search(variant)
        if self.best.status == "tuned":
            variant = {key: value for key, value in self.best.settings.items() if key != self.who.knob}
            for near in self.who.refined(self.problem, variant):
                self._search(near)
        if self.best.seconds < FINAL:
            self._final()
        if self.best.status == "failed" and self.given_up_at:
            self.best.status, self.best.seconds = "slow", min(self.given_up_at)
        elif self.best.status == "failed":
            self.best.note = self.failure or "no setting was accurate enough"
        if time.perf_counter() > self.deadline:
            self.best.note = "out of tuning time"
        self.best.spent = time.perf_counter() - start
        return self.best

    def _search(self, variant: Settings) -> None:
        efforts = self.who.efforts(self.problem)
        bad, good, step = -1, None, 1
        while good is None and bad + 1 < len(efforts):
            at = min(bad + step, len(efforts) - 1)
            verdict = self._try({**variant, self.who.knob: efforts[at]})
            if verdict is None:
                return
            bad, good, step = (bad, at, step) if verdict else (at, None, min(2 * step, LONGEST_STEP))
        while good is not None and good - bad > 1:
            at = (good + bad) // 2
            verdict = self._try({**variant, self.who.knob: efforts[at]})
            if verdict is None:
                return
            bad, good = (bad, at) if verdict else (at, good)

    def _try(self, settings: Settings) -> bool | None:
        """Whether the settings are accurate enough; None where going on is useless."""
        trials: list[Trial] = []
        for seed in self.seeds:
            if time.perf_counter() > self.deadline and self.best.trials > 0:
                return None
            trial = timed(self.who, self.inputs, self.problem, settings, seed)
            self.best.trials += 1
            if trial.error > self.problem.bound:
                self.failure = trial.failure
                if self.best.status == "failed":
                    self.best.settings, self.best.error = settings, trial.error
                if trial.seconds > max(SHORT, min(self.best.seconds, self.limit)):
                    self.given_up_at.append(trial.seconds)
                    return None
                return False
            trials.append(trial)
        seconds = statistics.median(t.seconds for t in trials)
        self.accurate.append(Tuning("tuned", settings, seconds, max(t.error for t in trials)))
        self._take_best()
        return True

    def _take_best(self) -> None:
        best = min(self.accurate, key=lambda each: each.seconds)
        self.best = replace(best, trials=self.best.trials, note=self.best.note)

    def _final(self) -> None:
        self.accurate = sorted(self.accurate, key=lambda each: each.seconds)[:FINALISTS]
        seconds: list[list[float]] = [[] for _ in self.accurate]
        for seed in self.seeds:
            for each, times in zip(self.accurate, seconds, strict=True):
                times.append(timed(self.who, self.inputs, self.problem, each.settings, seed, settle=True).seconds)
        for each, times in zip(self.accurate, seconds, strict=True):
            each.seconds = statistics.median(times)
        self._take_best()


def tuned(
    contestants: Sequence[Contestant],
    inputs: Inputs,
    problem: Problem,
    kept: dict[str, Any],
    *,
    seeds: Sequence[int],
    budget: float,
    uncut: Sequence[str] = (),
) -> dict[str, Tuning]:
    """A tuning for each; those in `kept` are taken from there, new ones are put there. `uncut`: never too slow."""
    results: dict[str, Tuning] = {}
    fastest = math.inf
    for who in contestants:
        if who.name not in kept:
            limit = math.inf if who.name in uncut else SLOWER * fastest
            search = Search(who, inputs, problem, seeds, budget, limit)
            kept[who.name] = asdict(search.run())
        results[who.name] = Tuning(**kept[who.name])
        if results[who.name].status == "tuned" and not who.is_ours:
            fastest = min(fastest, results[who.name].seconds)
    return results
