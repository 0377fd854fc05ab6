"""fanion.topk_svd against SciPy, PRIMME, scikit-learn, torch and power iteration at equal measured error.

    python -m benchmarks.topk_svd gaussian spectra training warm --json result.json
    python -m benchmarks.topk_svd --quick
    python -m benchmarks.topk_svd --matrix gaussian:2000x2000 --k 1 10 --criterion rank_k lmo_gap

Every contestant is tuned first: the fastest of its settings whose measured error is within the bound with every seed
(tuning.py; kept in benchmarks/.cache). Then rounds follow in which each runs once, in random order, on the same
matrix; ratios are taken within a round. Errors: errors.py; matrices: matrices.py; parts and bars: problems.py.
"""

from benchmarks import openblas

if __name__ == "__main__":
    openblas.start_unpinned("benchmarks.topk_svd")

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from benchmarks.topk_svd import cache, machine, matrices, measure, problems, report, tuning, warm
from benchmarks.topk_svd.contestant import Contestant, Problem
from benchmarks.topk_svd.measure import Result
from benchmarks.topk_svd.ours import OURS
from benchmarks.topk_svd.peers import PEERS
from benchmarks.topk_svd.products import Inputs

SETTINGS = "settings.json"
BUSY = 0.5  # running processes besides this one, before it starts
PARTS = ("gaussian", "spectra", "training", "warm")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS) + "; the last two are of a training")
    parser.add_argument("--quick", action="store_true", help="small matrices, short tuning")
    parser.add_argument("--matrix", nargs="+", default=[], help="measure these instead, see matrices.py")
    parser.add_argument("--k", type=int, nargs="+", default=[], help="only these k (with --matrix: these)")
    parser.add_argument("--criterion", nargs="+", default=[], choices=["rank_k", "lmo_gap"])
    parser.add_argument("--only", nargs="+", default=[], metavar="PEER", help="only peers whose name contains one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="of the tuning")
    parser.add_argument("--budget", type=float, default=180, help="seconds of tuning for a peer and a problem")
    parser.add_argument("--retune", nargs="*", metavar="NAME", help="forget kept settings, of all or of these names")
    parser.add_argument("--full", action="store_true", help="time torch.linalg.svd too, once, for reference")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="keep every figure in this file")
    given = parser.parse_args()
    if not (given.parts or given.quick or given.matrix) or not set(given.parts) <= set(PARTS):
        parser.error(f"name parts ({', '.join(PARTS)}), --quick or --matrix")
    if given.quick:
        given.rounds, given.seeds, given.budget = min(given.rounds, 3), 1, min(given.budget, 4.0)
    return given


def wanted_parts(given: argparse.Namespace) -> list[problems.Part]:
    """The parts, less what --k and --criterion leave out."""
    if given.matrix:
        ks, criteria = given.k or [1, 10], given.criterion or ["rank_k"]
        cases = [
            problems.Case(Problem(matrix, k, criterion), 1.0)
            for matrix in given.matrix
            for criterion in criteria
            for k in ks
        ]
        return [problems.Part("chosen", tuple(cases))]
    made = [problems.quick()] if given.quick else []
    makers: dict[str, Callable[[], problems.Part]] = {
        "gaussian": problems.gaussian,
        "spectra": problems.spectra,
        "training": problems.training,
    }
    made += [makers[name]() for name in given.parts if name in makers]
    return [
        replace(part, cases=tuple(
            c for c in part.cases
            if (not given.k or c.problem.k in given.k)
            and (not given.criterion or c.problem.criterion in given.criterion)
        ))
        for part in made
    ]  # fmt: skip


def measure_case(
    case: problems.Case, inputs: Inputs, contestants: list[Contestant], given: argparse.Namespace
) -> Result:
    """Tunes, measures and prints."""
    problem = replace(case.problem, shape=inputs.shape)
    key = f"{problem.name} threads={given.threads} seeds={given.seeds}"
    all_kept = cache.read_json(SETTINGS)
    kept = all_kept.get(key, {})
    if given.retune is not None:
        kept = {n: t for n, t in kept.items() if given.retune and not any(wanted in n for wanted in given.retune)}
    present = [who for who in contestants if not who.missing()]
    # The tuning is bounded by the fastest peer so far, so peers go first.
    present.sort(key=lambda who: who.is_ours)
    inputs.matrix.exact(problem.k)
    seeds = range(given.seeds)
    tunings = tuning.tuned(present, inputs, problem, kept, seeds=seeds, budget=given.budget, uncut=case.against)
    cache.write_json(SETTINGS, {**all_kept, key: kept})
    result = measure.rounds(contestants, inputs, problem, tunings, given.rounds, case.against)
    if given.full:
        start = time.perf_counter()
        torch.linalg.svd(inputs.tensor, full_matrices=False)
        result.full_svd_seconds = time.perf_counter() - start
    print(report.problem_table(result, [who.name for who in OURS]), flush=True)
    return result


def main() -> None:
    """Measures and prints the tables."""
    given = arguments()
    torch.set_num_threads(given.threads)
    peers = [p for p in PEERS if not given.only or any(word in p.name for word in given.only)]
    contestants = OURS + peers
    about = machine.description(given.threads)
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    if about["load before"][0] > BUSY:
        print(f"BUSY: the load is {about['load before'][0]:.1f}; neither times nor what is tuned now can be trusted")
    for who in peers:
        if who.missing():
            print(f"MISSING: {who.name}: {who.missing()}")
    figures: dict[str, Any] = {"arguments": {k: str(v) for k, v in vars(given).items()}, **about, "parts": {}}

    def keep(name: str, content: Any) -> None:
        figures["parts"][name] = content
        if given.json:
            given.json.write_text(json.dumps(cache.strict(figures), indent=1, allow_nan=False))

    with threadpool_limits(given.threads):
        for part in wanted_parts(given):
            results: list[tuple[problems.Case, Result]] = []
            inputs: Inputs | None = None
            for case in part.cases:
                if inputs is None or inputs.matrix.name != case.problem.matrix:
                    inputs = None  # so that the last matrix is gone before the next is made
                    inputs = Inputs(matrices.load(case.problem.matrix))
                results.append((case, measure_case(case, inputs, contestants, given)))
                keep(part.name, [{"bar": c.bar, "against": c.against, **r.as_json()} for c, r in results])
            print(report.bars_table(part, results, [o.name for o in OURS], [p.name for p in peers]), flush=True)
        if "warm" in given.parts:
            keep("warm", warm.measure(given.k or [1, 8, 32]))


if __name__ == "__main__":
    main()
