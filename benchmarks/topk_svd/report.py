"""The tables on the terminal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from benchmarks.topk_svd.measure import Measured, Result
from benchmarks.topk_svd.problems import Case, Part

NOT_ORTHONORMAL = 1e-3  # float32 products of 1e4 terms leave 1e-5; more is the method's, and is reported


def problem_table(result: Result, ours: Sequence[str]) -> str:
    """A line for each contestant; ratios are to the first of ours."""
    lines = [
        f"\n{result.problem.name}",
        f"  {'':22} {'ms (median)':>12} {'error':>9} {'time / ' + ours[0] + ' (median, range)':>32}  settings",
    ]
    for name, part in result.parts.items():
        lines.append(
            f"  {name:22} "
            + (_measured(result, name, part, ours[0]) if part.trials else _absent(result, part, ours[0]))
        )
    if result.full_svd_seconds is not None:
        full = 1000 * result.full_svd_seconds
        lines.append(f"  {'torch.linalg.svd':22} {full:12.2f} {'':9} {'once, for reference':>32}")
    lines.append(
        "  fastest products: " + "; ".join(f"{product}: {how}" for product, how in result.fastest_products.items())
    )
    return "\n".join(lines)


def _measured(result: Result, name: str, part: Measured, baseline: str) -> str:
    ratios = sorted(result.ratios(name, baseline))
    spread = f"{statistics.median(ratios):.2f}  ({ratios[0]:.2f} … {ratios[-1]:.2f})"
    missed = "!" if part.error > result.problem.bound else " "
    notes = [", ".join(f"{key}={value}" for key, value in part.tuning.settings.items())]
    if missed == "!":
        count = sum(t.error > result.problem.bound for t in part.trials)
        notes.append(f"error over the bound in {count} of {len(part.trials)} rounds")
        notes += [t.failure for t in part.trials[:1] if t.failure]
    if math.isfinite(part.error) and part.orthonormality > NOT_ORTHONORMAL:
        notes.append(f"not orthonormal: {part.orthonormality:.0e}")
    if part.note:
        notes.append(part.note)
    return f"{1000 * part.median:12.2f} {part.error:8.1e}{missed} {spread:>32}  {'; '.join(notes)}"


def _absent(result: Result, part: Measured, baseline: str) -> str:
    if part.status == "slow":
        known = part.tuning.seconds
        least = f"> {known / result.parts[baseline].median:.1f}" if result.parts[baseline].trials else "slow"
        notes = ["cut off", ", ".join(f"{key}={value}" for key, value in part.tuning.settings.items()), part.note]
        if part.tuning.status == "slow":
            notes[1] = f"not accurate yet: {notes[1]}"
        milliseconds = f"{'' if part.tuning.status == 'tuned' else '> '}{1000 * known:.0f}"
        return f"{milliseconds:>12} {'':9} {least:>32}  {'; '.join(note for note in notes if note)}"
    return f"{'-':>12} {'':9} {'-':>32}  {part.status}: {part.note}"


def bars_table(part: Part, results: Iterable[tuple[Case, Result]], ours: Sequence[str], peers: Sequence[str]) -> str:
    """Which bars are met, for each of ours."""
    lines = [f"\nBars of {part.name}: times faster than the fastest peer, median (range)"]
    means: dict[str, list[float]] = {name: [] for name in ours}
    for case, result in results:
        rival = result.fastest(case.against or peers)
        lines.append(f"  {result.problem.name}: at least {case.bar:g}; fastest peer: {rival or 'none'}")
        if rival is None:
            continue
        for name in ours:
            if not result.parts[name].trials:
                continue
            ratios = sorted(result.ratios(rival, name))
            median = statistics.median(ratios)
            accurate = result.fastest([name]) is not None
            means[name].append(median if accurate else 0.0)
            verdict = "met" if accurate and median >= case.bar else "NOT met" if accurate else "NOT met: not accurate"
            lines.append(f"    {name:22} {median:6.2f}  ({ratios[0]:.2f} … {ratios[-1]:.2f})  {verdict}")
    if part.mean_bar is not None:
        for name, values in means.items():
            if values:
                mean = math.exp(statistics.fmean(math.log(v) for v in values)) if all(values) else 0.0
                verdict = "met" if mean >= part.mean_bar else "NOT met"
                lines.append(f"  geometric mean, {name}: {mean:.2f}, at least {part.mean_bar:g}: {verdict}")
    return "\n".join(lines)
