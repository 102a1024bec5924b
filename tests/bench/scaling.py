"""How compiled training scales: time per sample against weights, and time to compile against nodes.

    python tests/bench/scaling.py [--quick] [--plot scaling.png]

Networks n-n-1 to 1000-1000-1, sigmoid, of 10 to a million weights, trained sample by sample: native (strict
and not), the Python source and the walk of the graph, as far as each is sensible, and plain C where there is a
compiler. "ns a weight" is what a weight costs in one sample; the slope of a line through the last points of
the compile time is the cost of a node. With `--plot` the two curves are drawn.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any


sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import peers  # noqa: E402
from native import on_the_graph, ours  # noqa: E402
from peers import Training, Work  # noqa: E402
from tables import busy, progress, table  # noqa: E402


WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
QUICK = 256  # the widest network with --quick
SECONDS = 0.1  # that one measurement takes, roughly
ROUNDS = 3
PYTHON, WALK = 20_000, 70_000  # weights, up to which they are measured


def measured(training: Training, count: int) -> float:
    """Microseconds per sample, the best of a few rounds."""
    best = math.inf
    for _ in range(ROUNDS):
        state = training.start()
        began = time.perf_counter()
        training.run(state)
        best = min(best, time.perf_counter() - began)
    return best / count * 1e6


def one(width: int, folder: str) -> dict[str, Any]:
    """One network in every system."""
    sizes = [width, width, 1]
    weights = (width + 1) * width + width + 1
    work = Work(sizes, max(20, int(SECONDS * 1e6 / (0.05 + weights * 3e-4))))
    row: dict[str, Any] = {"net": f"{width}-{width}-1", "weights": weights}
    for name, backend, strict in (("native", "native", True), ("strict=False", "native", False)):
        if find_spec("llvmlite"):
            progress(f"{row['net']}: {name}")
            training = ours(work, backend, strict)
            row[name] = measured(training, work.count)
            if strict:
                row["compiled in"] = training.seconds
    few = work.first(max(3, int(SECONDS * 1e7 / weights)))
    row["nodes"] = nodes(work)
    if weights <= PYTHON:
        row["python"] = measured(ours(few, "python"), few.count)
    few = work.first(max(2, int(SECONDS * 5e6 / weights)))
    if weights <= WALK:
        row["walked"] = measured(on_the_graph(few, folder), few.count)
    if peers.compiler():
        row["plain C"] = measured(peers.plain_c(work, folder), work.count)
    return row


def nodes(work: Work) -> int:
    """How many nodes the graph of a step has, weights and inputs included."""
    weights, (n, m, k) = len(work.initial), work.sizes
    units = m + k
    return weights * 4 + units * 6 + n + 2 * k  # a weight, its slope, eta times it, and the new one; net, o, dE/do, dE/dnet ...


def slope(points: list[tuple[float, float]]) -> float:
    """Of the least squares line through the points."""
    x, y = (sum(column) / len(points) for column in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def plot(rows: list[dict[str, Any]], path: str) -> None:
    """The two curves as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    styles = {"walked": "s--", "python": "^--", "plain C": "x:", "native": "o-", "strict=False": "D-"}
    for name, style in styles.items():
        points = [(r["weights"], r[name]) for r in rows if name in r]
        if points:
            label = {"walked": "graph, walked", "python": "Python source", "strict=False": "native, strict=False"}.get(name, name)
            left.loglog(*zip(*points, strict=True), style, label=label, markersize=5, linewidth=1.5)
    left.set(xlabel="weights", ylabel="microseconds per sample", title="One sample: forward, backward, step")
    left.legend(frameon=False)
    points = [(r["nodes"], r["compiled in"]) for r in rows if "compiled in" in r]
    if points:
        right.loglog(*zip(*points, strict=True), "o-", linewidth=1.5, markersize=5)
    right.set(xlabel="nodes of the graph of a step", ylabel="seconds", title="From the model to the first compiled step")
    for axes in (left, right):
        axes.grid(True, which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"up to {QUICK} units")
    parser.add_argument("--plot", metavar="PNG", help="draw the curves, which needs matplotlib")
    choice = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for width in WIDTHS:
            if not (choice.quick and width > QUICK):
                rows.append(one(width, folder))
    progress("")
    columns = ["native", "strict=False", "plain C", "python", "walked"]
    head = ["net", "weights", "nodes", *(f"{c}, us" for c in columns), "native, ns a weight", "compiled in, s", "us a node"]
    print("Time per sample against weights; time from the model to the first compiled step against nodes.\n")
    lines = []
    for r in rows:
        cells = [f"{r[c]:,.3f}" if c in r else "" for c in columns]
        built = r.get("compiled in")
        per_weight = f"{r['native'] * 1e3 / r['weights']:.3f}" if "native" in r else ""
        cost = [f"{built:.2f}", f"{built * 1e6 / r['nodes']:.1f}"] if built else ["", ""]
        lines.append([r["net"], f"{r['weights']:,}", f"{r['nodes']:,}", *cells, per_weight, *cost])
    print(table(head, lines))
    points = [(float(r["nodes"]), float(r["compiled in"])) for r in rows if "compiled in" in r]
    if len(points) > 3:
        print(f"\nA node costs {slope(points[-4:]) * 1e6:.1f} us from the model to the compiled step (the slope of the last four).")
    if choice.plot and find_spec("matplotlib"):
        plot(rows, choice.plot)
        print(f"The curves are in {choice.plot}.")
    elif choice.plot:
        print("The curves are not drawn: matplotlib is not installed.")
    print(busy().rstrip())


if __name__ == "__main__":
    main()
