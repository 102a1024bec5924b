"""Random graphs, compiled strictly, beside the graph itself: every output of every program, bit for bit.

    python tests/bench/bits.py [--graphs 10000] [--seed 0] [--jobs 2] [--backend native]

Each is compiled as a straight line and as loops. Each program runs at random numbers and at awkward ones: infinities, NaN, zeros of both signs, subnormals,
the largest. Where the graph raises, the program must raise the same error. A NaN is like any other NaN.
Then ten epochs of digits, 64-32-10: strict, every weight has the bits of the walk; with strict=False it is
within 1e-9. Ends with exit code 1 if a single bit differs, and prints the seeds of the graphs.
"""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random


sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from test_program_random import AWKWARD, a_graph, as_loops, run, walked  # noqa: E402

from engine.program import compile  # noqa: A004, E402
from nn import MLP, data, fit  # noqa: E402


NEAR, FAR = 2, 6  # runs of each program at random numbers, and at awkward ones


def judged(first, backend, loops, k):
    """Graph number k: what it counts as, its instructions, and where its runs agreed, raised and differed."""
    if loops:
        as_loops(setattr)
    inputs, outputs, _ = a_graph(first + k)
    try:
        program = compile(outputs, inputs, backend=backend)
    except ValueError as error:  # an output that does not depend on the inputs
        if "does not depend" not in str(error):
            raise
        return k, "constant", 0, Counter(), []
    random = Random(f"bits {first + k}")
    places = [[random.gauss(0.0, 2.0) for _ in inputs] for _ in range(NEAR)]
    places += [[random.choice(AWKWARD) for _ in inputs] for _ in range(FAR)]
    counts, differing = Counter(), []
    for numbers in places:
        expected = walked(outputs, inputs, numbers)
        if run(program, numbers) != expected:
            differing.append(numbers)
        counts["raised" if isinstance(expected, type) else "NaN" if b"nan" in expected else "numbers"] += 1
    return k, f"{program.backend} {program.remark}".strip(), program.nodes, counts, differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--graphs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--backend", choices=("python", "native"), default="native")
    choice = parser.parse_args()
    first = choice.seed * choice.graphs
    bad = []
    for loops in (False, True) if choice.backend == "native" else (False,):
        with ProcessPoolExecutor(choice.jobs) as pool:
            results = list(pool.map(partial(judged, first, choice.backend, loops), range(choice.graphs), chunksize=20))
        told(results, f"seed {choice.seed}" + ", as loops" * loops)
        bad += [r for r in results if r[4]]
    for r in bad[:5]:
        print(f"DIFFERS: a_graph({first + r[0]}) at {r[4][0]}")
    return 1 if bad or not digits(choice.backend) else 0


def told(results, how):
    counts = sum((r[3] for r in results), Counter())
    print(f"{len(results):,} random graphs, {sum(r[2] for r in results):,} instructions, {how}.")
    for what, n in Counter(r[1] for r in results).most_common():
        print(f"{n:>9,} graphs  {what}")
    for what, n in counts.most_common():
        print(f"{n:>9,} runs    {what}")
    print(f"{sum(len(r[4]) for r in results):>9,} runs    differ in a bit or in the error")


def digits(backend):
    """Whether ten epochs of digits end with the weights of the walk."""
    rows = list(data.load("digits"))[:1437]
    ends = {}
    for name, how, strict in (("walk", "graph", True), (backend, backend, True), ("strict=False", backend, False)):
        if name == "strict=False" and backend == "python":
            continue
        model = MLP(64, [32, 10], activation="tanh", output="softmax", seed=0)
        fit(model, rows, loss="cross_entropy", lr=0.05, epochs=10, backend=how, strict=strict, progress=False, seed=0)
        ends[name] = [p.data for p in model.parameters()]
    walk, good = ends.pop("walk"), True
    for name, weights in ends.items():
        differ = sum(p != q for p, q in zip(weights, walk, strict=True))
        most = max(abs(p - q) / abs(q) for p, q in zip(weights, walk, strict=True))
        print(f"Digits, 10 epochs, {name}: {differ} of {len(walk):,} weights differ; the largest by {most:.1e} of itself")
        good = good and (not differ if name == backend else most <= 1e-9)
    return good


if __name__ == "__main__":
    sys.exit(main())
