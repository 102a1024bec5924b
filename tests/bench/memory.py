"""One measurement of one system, in this process alone.

    python tests/bench/memory.py bytes_per_node micrograd
    python tests/bench/memory.py chain nodegrad 1000000

The result is printed as JSON: a number, or numbers by name.
"""

import gc
import json
import sys
import time
import tracemalloc
from importlib import import_module
from typing import Any


def value_class(system: str) -> Any:
    return import_module("micrograd.engine" if system == "micrograd" else "engine").Value


def expression(w: Any, x: Any) -> tuple[Any, int]:
    """50 polynomials of degree 200 by Horner's rule, added up: every product and sum a node; and how many nodes."""
    total, count = x, 0
    for _ in range(50):
        y = w
        for _ in range(200):
            y = y * w + x
        total, count = total + y, count + 401
    return total, count


def bytes_per_node(system: str) -> float:
    """Bytes that the graph of a long expression holds after its backward pass, its two leaves not counted."""
    Value = value_class(system)
    w, x = Value(0.75), Value(-0.5)
    expression(w, x)[0].backward()  # once unmeasured: what is made at the first use stays
    gc.collect()
    tracemalloc.start()
    E, count = expression(w, x)
    E.backward()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / count


def garbage_per_node(system: str) -> float:
    """Objects that only the cycle collector can free once the graph is deleted."""
    Value = value_class(system)
    w, x = Value(0.75), Value(-0.5)
    gc.collect()
    gc.disable()
    E, count = expression(w, x)
    E.backward()
    del E
    return gc.collect() / count


def garbage_of_layers(system: str) -> int:
    """The same for a whole update through nn's layers, loss and optimiser: objects in all."""
    from nn import MLP
    from nn.losses import sse
    from nn.optim import SGD

    model = MLP(64, [32, 10], activation="sigmoid", output="softmax", seed=1)
    sgd = SGD(model.parameters(), lr=0.1)
    gc.collect()
    gc.disable()
    E = sse(model([0.5] * 64), [0.25] * 10)
    E.backward()
    sgd.step()
    del E
    return gc.collect()


def chain(system: str, length: str) -> dict[str, float]:
    """A chain of `length` nodes: seconds forward, backward and freed, the peak of memory, and its exactness."""
    Value = value_class(system)
    w, x = Value(0.999999), Value(0.5)
    y = x
    t0 = time.perf_counter()
    for _ in range(int(length) // 2):
        y = y * w + x
    t1 = time.perf_counter()
    y.backward()
    t2 = time.perf_counter()
    del y
    t3 = time.perf_counter()
    s = 1.0  # dy/dx = w^n + ... + w + 1, by Horner's rule too
    for _ in range(int(length) // 2):
        s = s * w.data + 1.0
    return {"forward": t1 - t0, "backward": t2 - t1, "freed": t3 - t2, "MB": peak_mb(), "error": abs(x.grad / s - 1.0)}


def longest_chain(system: str) -> int:
    """The longest chain whose backward pass ends without RecursionError, by bisection; at most 4096."""
    Value = value_class(system)
    works, breaks = 1, 4096
    while breaks - works > 1:
        n = (works + breaks) // 2
        x = y = Value(0.5)
        for _ in range(n):
            y = y + x
        try:
            y.backward()
        except RecursionError:
            breaks = n
        else:
            works = n
    return works


def doublings(system: str) -> dict[str, Any]:
    """Milliseconds for y = y + y sixty times, forward and backward, and dy/dx, a sum over 2^60 paths."""
    x = y = value_class(system)(0.5)
    start = time.perf_counter()
    for _ in range(60):
        y = y + y
    y.backward()
    return {"ms": (time.perf_counter() - start) * 1e3, "exact": x.grad == 2**60}


def peak_mb() -> float:
    """The most memory this process has held, in megabytes; NaN where the system does not tell."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return float("nan")
    return getrusage(RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes here


MEASUREMENTS = {
    f.__name__: f for f in (bytes_per_node, garbage_per_node, garbage_of_layers, chain, longest_chain, doublings)
}


if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](*sys.argv[2:])))
