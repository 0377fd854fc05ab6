"""What takes part: a way to k triplets, with the settings that may be tuned."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.topk_svd.errors import Triplets
from benchmarks.topk_svd.products import Inputs

Settings = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """k triplets of a matrix with `criterion` ("rank_k" or "lmo_gap", see errors.py) at most `bound`."""

    matrix: str
    k: int
    criterion: str
    bound: float = 0.01
    shape: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """The key of the settings that are kept."""
        return f"{self.matrix} k={self.k} {self.criterion}≤{self.bound:g}"


class Contestant(ABC):
    """One method of one library."""

    name: str
    is_ours = False
    knob: str
    """The setting that buys accuracy with time; `efforts` are its values from the cheapest on."""

    def missing(self) -> str:
        """Why it cannot take part; empty where it can."""
        return ""

    @abstractmethod
    def efforts(self, problem: Problem) -> Sequence[Any]:
        """Values of the knob, from least to most accurate."""

    def variants(self, problem: Problem) -> list[Settings]:
        """Its other settings; for each the least effort that is accurate enough is looked for."""
        return [{}]

    def refined(self, problem: Problem, best: Settings) -> list[Settings]:
        """Variants near the best of `variants`, tried afterwards."""
        return []

    @abstractmethod
    def run(self, inputs: Inputs, problem: Problem, settings: Settings, seed: int) -> Triplets:
        """What is timed."""


def falling(first: float, last: float, per_decade: int = 4) -> list[float]:
    """Tolerances from `first` down to `last`."""
    steps = round(math.log10(first / last) * per_decade)
    return [float(f"{first * 10 ** (-i / per_decade):.3g}") for i in range(steps + 1)]


def rising(last: int) -> list[int]:
    """Counts from 1: each of the first ten, then by tenths."""
    counts = [1]
    while counts[-1] < last:
        counts.append(max(counts[-1] + 1, round(1.1 * counts[-1])))
    return counts


def near(value: int, least: int, most: int) -> list[int]:
    """Other integers around a value, within bounds."""
    around = {round(value * factor) for factor in (0.6, 0.75, 0.87, 1.15, 1.35)}
    return sorted(x for x in around if least <= x <= most and x != value)
