"""What derivatives cost: time and memory per node of `gradient` beside `backward`, and two ways to a jvp.

    python tests/bench/gradient.py             about three minutes
    python tests/bench/gradient.py --quick     graphs up to 100,000 nodes

Every number comes from a process of its own, all of them on one core; of several repeats the best counts. Times
are those that the processor spent, so that a busy machine tells much the same. They must not grow faster than
the graph. Before it is timed, `gradient` must agree with `backward`.
"""

import argparse
import gc
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from eager import python  # noqa: E402
from tables import others, table, verdict  # noqa: E402

from engine import Value, dot, gradient, tanh  # noqa: E402
from engine.derivatives import adjoints, recorded, tangents  # noqa: E402
from engine.graph import topological  # noqa: E402
from nn import MLP  # noqa: E402


SIZES = (1_000, 10_000, 100_000, 1_000_000)
LINEAR = 2.0  # how many times as long a node of the largest graph may take as one of the second smallest


# ---- graphs


def chain(n: int) -> tuple[Value, list[Value]]:
    """Horner's rule: n products and sums in a row, of two leaves."""
    w, x = Value(0.75), Value(-0.5)
    y = x
    for _ in range(n // 2):
        y = y * w + x
    return y, [w, x]


def waves(n: int) -> tuple[Value, list[Value]]:
    """n products, quotients, powers and functions of two leaves, whose partials are formulas."""
    w, x = Value(0.75), Value(0.5)
    y = x
    for _ in range(n // 6):
        y = (tanh(y * w) / (x + 2.0) + y**3.0).sin()
    return y, [w, x]


def layers(n: int) -> tuple[Value, list[Value]]:
    """A tanh MLP of two hidden layers with about n nodes, of which most are weights."""
    width = max(2, round((n / 2) ** 0.5))
    model = MLP(width, [width, width, 1], activation="tanh", seed=0)
    return model([0.1 + 0.8 * i / width for i in range(width)])[0], model.parameters()


GRAPHS: dict[str, Callable[[int], tuple[Value, list[Value]]]] = {"chain": chain, "waves": waves, "layers": layers}


# ---- measurements, each in a process of its own


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.process_time()
    kept = work()
    took = time.process_time() - start
    del kept
    return took


def times(graph: str, n: str) -> dict[str, float]:
    """Microseconds per node of `backward` and of `gradient`, and the nodes that a node's gradient adds."""
    y, xs = GRAPHS[graph](int(n))
    nodes = len(topological(y))
    y.backward()
    gs = gradient(y, xs)
    if any(g.data != x.grad for g, x in zip(gs, xs, strict=True)):
        sys.exit(f"{graph}: gradient and backward disagree")
    added = len(topological(*gs, y)) - nodes
    del gs
    us = 1e6 / nodes
    backward, made = seconds(y.backward) * us, seconds(lambda: gradient(y, xs)) * us
    return {"nodes": nodes, "backward": backward, "gradient": made, "added": added / nodes}


def memory(graph: str, n: str) -> dict[str, float]:
    """Bytes per node of the graph after `backward`, of the derivatives' graph on top, and of the peak between."""
    y, xs = GRAPHS[graph](1000)  # what is made at the first use stays
    y.backward()
    gradient(y, xs)
    gc.collect()
    tracemalloc.start()
    y, xs = GRAPHS[graph](int(n))
    y.backward()
    gc.collect()
    nodes, before = len(topological(y)), tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    gs = gradient(y, xs)
    after, peak = tracemalloc.get_traced_memory()
    del gs
    return {"graph": before / nodes, "derivatives": (after - before) / nodes, "peak": (peak - before) / nodes}


def jvps(graph: str, n: str) -> dict[str, float]:
    """Microseconds per node for one Jacobian-vector product: forwards, and by two reverse passes."""
    y, xs = GRAPHS[graph](int(n))
    ys, us = [y], 1e6 / len(topological(y))
    along = dict.fromkeys(xs, 0.5)
    alive = {x: Value(0.5) for x in xs}

    def twice(vs: list[Any], edges: Any) -> Any:
        """The derivative of v'J'u by u: the Jacobian times v."""
        seeds = [Value(1.0) for _ in ys]
        slope = dot(adjoints(dot(ys, seeds), xs), vs)
        return adjoints(slope, seeds, edges)

    (forwards,), (backwards,) = tangents(ys, along, recorded), twice([*along.values()], recorded)
    if abs(forwards - backwards) > 1e-9 * abs(forwards):
        sys.exit(f"{graph}: both ways to a jvp disagree, {forwards} and {backwards}")
    return {
        "forwards": seconds(lambda: tangents(ys, along, recorded)) * us,
        "twice": seconds(lambda: twice([*along.values()], recorded)) * us,
        "forwards alive": seconds(lambda: tangents(ys, alive)) * us,
        "twice alive": seconds(lambda: twice([*alive.values()], None)) * us,
    }


MEASUREMENTS = {f.__name__: f for f in (times, memory, jvps)}


# ---- tables


def measured(measurement: str, graph: str, n: int, repeats: int) -> dict[str, float]:
    """The best of some repeats, number by number."""
    found = [python(HERE / "gradient.py", measurement, graph, n) for _ in range(repeats)]
    return {what: min(r[what] for r in found) for what in found[0]}


def cost_rows(sizes: tuple[int, ...], repeats: int) -> Iterator[list[str]]:
    """Time and memory per node, a row for each graph and size."""
    for graph in GRAPHS:
        smaller = 0.0
        for k, n in enumerate(sizes):
            t, m = measured("times", graph, n, repeats), measured("memory", graph, n, 1)
            smaller = t["gradient"] if k == 1 else smaller
            bar = verdict(f"<= {LINEAR:g} times the second row's", t["gradient"] <= LINEAR * smaller)
            yield [
                graph if k == 0 else "",
                f"{t['nodes']:,.0f}",
                f"{t['backward']:.2f}",
                f"{t['gradient']:.2f}",
                f"{t['added']:.2f}",
                f"{m['graph']:.0f}",
                f"{m['derivatives']:.0f}",
                f"{m['peak']:.0f}",
                bar if n == sizes[-1] else "",
            ]


def jvp_rows(n: int, repeats: int) -> Iterator[list[str]]:
    """One Jacobian-vector product, a row for each graph."""
    for graph in GRAPHS:
        found = measured("jvps", graph, n, repeats)
        yield [graph, *(f"{found[what]:.2f}" for what in ("forwards", "twice", "forwards alive", "twice alive"))]


def main() -> None:
    parser = argparse.ArgumentParser(description="What derivatives cost, per node of the graph.")
    parser.add_argument("--quick", action="store_true", help="graphs up to 100,000 nodes, fewer repeats")
    quick = parser.parse_args().quick
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    repeats, sizes = (1, SIZES[:-1]) if quick else (3, SIZES)
    print("Processor microseconds and bytes per node of the graph: gradient by all leaves beside backward.\n")
    head = ["graph", "nodes", "backward", "gradient", "nodes made", "bytes", "gradient's", "at most", "linear"]
    print(table(head, cost_rows(sizes, repeats)))
    print("\nOne Jacobian-vector product, microseconds per node: forwards, or as the gradient of a gradient.\n")
    print(table(["graph", "forwards", "two reverse", "on Values", "two reverse"], jvp_rows(20_000, repeats)))
    if (busy := others()) > 0.5:
        print(f"\nThe machine was busy: about {busy:.1f} other processes were running.")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(MEASUREMENTS[sys.argv[1]](*sys.argv[2:])))
    else:
        main()
