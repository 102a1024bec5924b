"""Gradients of random graphs beside five independent oracles, each within its own bound of error.

    python tests/bench/trust.py [--graphs 10000] [--seed 0] [--jobs 2]

Ends with exit code 1 if a single derivative lies further from an oracle than rounding explains; its
program is printed then, so that it can be run again.
"""

import argparse
import os
import random
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path


sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from five_oracles import ORACLES, Trial  # noqa: E402
from programs import random_program  # noqa: E402

from engine.graph import topological  # noqa: E402


def judged(seed, k):
    """Random graph number k: its size, its gradient beside every oracle, and the finest error that would show."""
    program = random_program(random.Random(f"{seed} {k}"))
    leaves, y = program.recorded()
    y.backward()
    gradient = [0.0 if v.grad is None else v.grad for v in leaves]
    trial = Trial(program, k)
    seen = [b / abs(d) for b, d in zip(trial.careful, gradient, strict=True) if abs(d) > 1e-6]
    return k, len(topological(y)), len(gradient), trial.ratios(gradient), seen


def table(results):
    """Lines: one per oracle."""
    n = sum(r[2] for r in results)
    yield f"{'oracle':12} {'derivatives':>12} {'median':>9} {'worst':>9}   unexplained      (error in units of its bound)"
    for name in ORACLES:
        ratios = [r[3][name] for r in results]
        bad = sum(not x <= 1 for x in ratios)
        yield f"{name:12} {n:>12,} {statistics.median(ratios):>9.4f} {max(ratios):>9.4f}   {bad}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--graphs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    choice = parser.parse_args()
    from tqdm import tqdm

    with ProcessPoolExecutor(choice.jobs) as pool:
        work = pool.map(partial(judged, choice.seed), range(choice.graphs), chunksize=20)
        results = list(tqdm(work, total=choice.graphs, unit=" graphs", disable=not sys.stderr.isatty()))
    sizes, seen = [r[1] for r in results], [x for r in results for x in r[4]]
    print(f"{len(results):,} random graphs of {min(sizes)} to {max(sizes)} nodes, {sum(sizes):,} in all, seed {choice.seed}.\n")
    print(*table(results), sep="\n")
    print(f"\nAn error of {statistics.median(seen):.0e} relative in a derivative shows against 50 digits (median).")
    unexplained = [r for r in results if not max(r[3].values()) <= 1]
    for k, *_, ratios, _ in unexplained[:5]:
        program = random_program(random.Random(f"{choice.seed} {k}"))
        print(f"\nUNEXPLAINED, graph {k}: {ratios}\n  {program!r}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
