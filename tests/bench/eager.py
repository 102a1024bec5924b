"""Speed and memory of the eager walk beside PyPI's micrograd, as tables.

    python tests/bench/eager.py             about a minute
    python tests/bench/eager.py --quick     fewer repeats, a shorter chain

Every number comes from a process of its own (`work.py`, `memory.py`), all of them on one core. The systems
take turns, so that a drift of the machine meets each alike, and of several repeats the best counts. All train
on the same samples from the same weights, and must end with the same sum of weights: the same work.
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from tables import others, progress, table, verdict


HERE = Path(__file__).resolve().parent
NETS = {"2-2-2": 400, "2-16-16-1": 400, "64-32-10": 30}  # sizes -> samples
SYSTEMS = {
    "micrograd": "micrograd",
    "separate": "nodegrad, separate + and *",
    "layers": "nodegrad, nn's layers",
}
COLLECTORS = ("on", "off")
SPEED_BARS = {  # times micrograd's speed
    ("2-16-16-1", "separate", "on"): 4.0,
    ("64-32-10", "separate", "on"): 9.0,
    ("2-16-16-1", "layers", "on"): 9.0,
    ("64-32-10", "layers", "on"): 45.0,
    ("2-16-16-1", "separate", "off"): 2.5,
    ("64-32-10", "separate", "off"): 3.5,
}
BYTES_BAR = 192  # a node, after backward
CHAIN = 1_000_000  # nodes
ROUNDING = 1e-9  # how far sums of weights may differ, relatively: the systems add in different orders

Key: TypeAlias = tuple[str, str, str]  # net, system, collector


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of the eager walk beside micrograd.")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, a shorter chain")
    quick = parser.parse_args().quick
    try:
        version = importlib.metadata.version("micrograd")
    except importlib.metadata.PackageNotFoundError:
        sys.exit("micrograd is not installed here, and it is what nodegrad is measured against: run `make bench`")
    pinned = hasattr(os, "sched_setaffinity")
    if pinned:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # what is started here inherits it
    repeats, length = (2, CHAIN // 10) if quick else (9, CHAIN)

    print(f"This checkout beside micrograd {version}, {platform.python_implementation()} {platform.python_version()}.")
    print(f"A process of its own for every number{', all on one core' * pinned}; best of {repeats}.\n")
    best = speed(repeats)
    print("Microseconds per sample: SGD sample by sample, sigmoid MLP with biases, E = sum_k (t_k - o_k)^2.")
    print("x: how many times as fast as micrograd. All systems ended with the same weights.\n")
    print(table(["net", "samples", "system", "as shipped", "x", "bar", "collector off", "x", "bar"], speed_rows(best)))
    print("\nMemory, depth and start.\n")
    print(table(["", "nodegrad", "micrograd", "bar"], memory_rows(repeats, length)))
    if others() > 0.5:
        print(f"\nThe machine was busy: about {others():.1f} other processes were running. They take the cache from the")
        print("collector's long walks, so micrograd looks slower than it is. Repeat on a quiet machine.")


# ---- processes


def python(*args: object) -> Any:
    """What a fresh interpreter prints, as JSON; it sees this checkout first."""
    command = [sys.executable, *map(str, args)]
    env = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def work(*args: object) -> Any:
    return python(HERE / "work.py", *args)


def memory(measurement: str, *args: object) -> Any:
    return python(HERE / "memory.py", measurement, *args)


def import_ms(module: str) -> float:
    clock = "time.perf_counter()"
    ms: float = python("-c", f"import time; start = {clock}; import {module}; print(({clock} - start) * 1e3)")
    return ms


# ---- speed


def speed(repeats: int) -> dict[Key, float]:
    """The best time for every net, system and collector; ends the program if the weights disagree."""
    best: dict[Key, float] = {}
    sums: dict[str, float] = {}
    for k in range(repeats):
        progress(f"repeat {k + 1} of {repeats}")
        for net, count in NETS.items():
            for collector in COLLECTORS:
                for system in SYSTEMS:
                    result = work(system, net, count, collector)
                    total, expected = result["sum"], sums.setdefault(net, result["sum"])
                    if not math.isclose(total, expected, rel_tol=ROUNDING):
                        sys.exit(f"{net}: weights of {system} add up to {total}, micrograd's to {expected}: other work")
                    key = net, system, collector
                    best[key] = min(best.get(key, math.inf), result["us"])
    progress("")
    return best


def speed_rows(best: dict[Key, float]) -> Iterator[list[str]]:
    for net, count in NETS.items():
        for system, name in SYSTEMS.items():
            row = [net, str(count), name] if system == "micrograd" else ["", "", name]
            for collector in COLLECTORS:
                us = best[net, system, collector]
                ratio = best[net, "micrograd", collector] / us
                bar = SPEED_BARS.get((net, system, collector))
                row += [f"{us:,.1f}", f"{ratio:.2f}", verdict(f">= {bar:g}", ratio >= bar) if bar else ""]
            yield row


# ---- memory


def memory_rows(repeats: int, length: int) -> Iterator[list[str]]:
    """Nodegrad's and micrograd's numbers, one measurement a row."""
    both = ("nodegrad", "micrograd")
    ours, theirs = (memory("bytes_per_node", s) for s in both)
    yield row("bytes a node after backward", f"{ours:.0f}", f"{theirs:.0f}", f"<= {BYTES_BAR}", ours <= BYTES_BAR)
    ours, theirs = (memory("garbage_per_node", s) for s in both)
    yield row("objects a node left to the cycle collector", f"{ours:g}", f"{theirs:.3g}", "0", ours == 0)
    ours = memory("garbage_of_layers", "nodegrad")
    yield row("the same after an update of nn's layers, in all", f"{ours}", "", "0", ours == 0)

    results = [memory("chain", "nodegrad", length) for _ in range(min(repeats, 3))]
    best = {what: min(r[what] for r in results) for what in results[0]}
    longest = memory("longest_chain", "micrograd")  # above it: RecursionError
    yield row("longest chain walked, nodes", f"{length:,}", f"{longest:,}", "exact", best["error"] < ROUNDING)
    for what in ("forward", "backward", "freed"):
        yield row(f"    {what}, s", f"{best[what]:.2f}")
    yield row("    most memory the process held, MB", f"{best['MB']:.0f}")

    ours, theirs = (min((memory("doublings", s) for _ in range(repeats)), key=lambda r: float(r["ms"])) for s in both)
    yield row("60 doublings (2^60 paths), ms", f"{ours['ms']:.2f}", f"{theirs['ms']:.2f}", "exact", ours["exact"])
    ours, theirs = (min(import_ms(m) for _ in range(repeats)) for m in ("engine", "micrograd.engine"))
    yield row("import of the engine, ms", f"{ours:.1f}", f"{theirs:.1f}")


# ---- printing


def row(what: str, ours: str, theirs: str = "", bar: str = "", reached: bool = True) -> list[str]:
    return [what, ours, theirs, verdict(bar, reached) if bar else ""]


if __name__ == "__main__":
    main()
