"""Compiled training beside every system at hand: microseconds per sample of per-sample SGD, ratios within one run.

    python tests/bench/native.py                      four networks, two or three minutes
    python tests/bench/native.py 2-2-2 64-32-10       these
    python tests/bench/native.py --quick              fewer rounds

`peers.py` says what the work is and how each system does it. All start from the same weights and must end
with the same ones. Systems take turns, round after round, and the best round of each counts; only the
training itself is timed. "plain C" is what one writes, with sizes at run time; "expert C" knows its sizes
and fuses loops; both are compiled with -O3 -march=native -ffast-math. Of slow systems fewer samples are
run. micrograd runs in a process of its own, where it is fastest (`eager.py` has the whole comparison).
What is not installed is left out, and the last line says so.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path


sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import peers  # noqa: E402
from peers import LR, Training, Work  # noqa: E402
from tables import busy, progress, table, verdict  # noqa: E402

from engine import Value  # noqa: E402
from nn import MLP, SGD, losses  # noqa: E402
from nn.compiled import CompiledSteps  # noqa: E402


SIZES = {"2-2-2": 100_000, "2-16-16-1": 40_000, "64-32-10": 4_000, "784-128-10": 1_000}  # and samples
SLOW = 0.4  # seconds that a round of one system may take, roughly
CLOSE = 1e-9  # how far weights may be apart: the systems add in different orders

# name: how to make it, the module it needs, the samples per second that are surely reached, the most weights
PEERS: dict[str, tuple[Callable[[Work, str], Training], str, float, float]] = {
    "plain C": (peers.plain_c, "", math.inf, math.inf),
    "expert C": (peers.expert_c, "", math.inf, math.inf),
    "JAX, lax.scan": (peers.in_jax_scan, "jax", math.inf, math.inf),
    "JAX, a jitted step a call": (peers.in_jax_steps, "jax", 5e3, math.inf),
    "PyTorch, eager": (peers.in_torch, "torch", 2e3, math.inf),
    "HIPS autograd": (peers.in_autograd, "autograd", 1e3, math.inf),
    "NumPy, by hand": (peers.in_numpy, "numpy", 1e4, math.inf),
    "CasADi, virtual machine": (peers.in_casadi, "casadi", 2e4, 10_000),
    "CasADi, generated C": (peers.in_casadi_c, "casadi", 1e5, 1_000),  # gcc takes 15 s over 64-32-10
}
NEEDS_C = ("plain C", "expert C", "CasADi, generated C")
BARS = {  # of another's time at most
    **{(net, "native, strict=False"): ("expert C", 1.1) for net in SIZES},
    **{(net, "native"): ("plain C", 1.0) for net in SIZES},
    ("784-128-10", "native"): ("plain C", 0.7),
}
SCAN_BARS = {"2-2-2": 3.0, "2-16-16-1": 3.0, "64-32-10": 1.5, "784-128-10": 2.5}  # times as fast as lax.scan, strict=False
BUILD_BARS = {"2-2-2": 0.5, "2-16-16-1": 0.5, "64-32-10": 0.5, "784-128-10": 5.0}  # seconds from the model to the first step
SOURCE_BARS = {"2-2-2": 3.0, "2-16-16-1": 3.0}  # Python source: times as fast as the eager walk


def network(work: Work) -> MLP:
    """The network of the work, with its first weights."""
    model = MLP(work.sizes[0], work.sizes[1:], activation="sigmoid", output="sigmoid")
    for p, number in zip(model.parameters(), work.initial, strict=True):
        p.data = number
    return model


def ours(work: Work, backend: str, strict: bool = True) -> Training:
    """Our compiled step; its seconds are those from the model to the first step done."""
    model = network(work)
    began = time.perf_counter()
    steps = CompiledSteps(
        model,
        work.rows[:1],
        lambda batch: losses.sse(model(batch[0][0]), batch[0][1]),
        SGD(model.parameters(), LR),
        backend,
        strict,
    )
    steps.run([0], 1, lambda batch: None)
    seconds = time.perf_counter() - began
    step = steps.steps[1]
    if backend not in ("auto", step.program.backend) or step.program.remark:
        sys.exit(f"{step.program!r}: not what was asked for")

    def run(state: array[float]) -> array[float]:
        step.rows(work.flat, state)
        return state

    return Training(lambda: array("d", [LR, *work.initial]), run, lambda state: state[1:].tolist(), seconds)


def on_the_graph(work: Work, folder: str) -> Training:
    """Every step recorded anew and walked."""

    def start() -> tuple[MLP, SGD]:
        model = network(work)
        return model, SGD(model.parameters(), LR)

    def run(state: tuple[MLP, SGD]) -> list[Value]:
        model, sgd = state
        for x, t in work.rows:
            E = losses.sse(model(x), t)
            sgd.zero_grad()
            E.backward()
            sgd.step()
        return model.parameters()

    return Training(start, run, lambda parameters: [p.data for p in parameters])


def micrograd(net: str, count: int) -> float:
    """Microseconds per sample in a process that has nothing else in it."""
    here = Path(__file__).resolve()
    env = os.environ | {"PYTHONPATH": str(here.parents[2])}
    command = [sys.executable, str(here.with_name("work.py")), "micrograd", net, str(count), "on"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["us"])


def systems(work: Work, folder: str) -> Iterator[tuple[str, Work, Training]]:
    """Every system that can be had for this network, with the rows it trains on."""
    weights = len(work.initial)
    if find_spec("llvmlite"):
        yield "native", work, ours(work, "native")
        yield "native, strict=False", work, ours(work, "native", strict=False)
    few = work.first(max(20, int(SLOW * 2e6 / weights)))
    if weights <= 3_000:  # Python takes long to read longer source
        yield "python", few, ours(few, "python")
    few = work.first(max(5, int(SLOW * 3e6 / weights / 5)))
    yield "graph, walked", few, on_the_graph(few, folder)
    for name, (build, module, speed, most) in PEERS.items():
        if weights > most or (module and not find_spec(module)) or (name in NEEDS_C and not peers.compiler()):
            continue
        few = work if speed == math.inf else work.first(max(20, int(SLOW * speed)))
        progress(name)
        yield name, few, build(few, folder)


def measure(net: str, count: int, rounds: int, folder: str) -> None:
    """One network: every system's time, its ratios, and the bars."""
    work = Work([int(n) for n in net.split("-")], count)
    found = list(systems(work, folder))
    best = {name: math.inf for name, _, _ in found}
    ends: dict[str, tuple[int, list[float]]] = {}
    for k in range(rounds):
        for name, rows, training in found:
            if k and best[name] * rows.count > 2e6:  # two seconds once are enough
                continue
            progress(f"{net}, round {k + 1} of {rounds}: {name}")
            state = training.start()
            began = time.perf_counter()
            end = training.run(state)
            best[name] = min(best[name], (time.perf_counter() - began) / rows.count * 1e6)
            if not k:
                ends[name] = rows.count, training.weights(end)
    progress("")
    check(net, work, ends, folder)
    if find_spec("micrograd") and len(work.initial) < 10_000:
        best["micrograd"] = min(micrograd(net, max(10, 40_000 // len(work.initial))) for _ in range(2))
    seconds = {name: training.seconds for name, _, training in found}
    against = [c for c in ("plain C", "expert C", "JAX, lax.scan") if c in best]
    head = ["system", "us a sample", *(f"x {c}" for c in against), "compiled in, s", "bars"]
    print(f"\n{net}: {len(work.initial):,} weights, up to {count:,} samples\n")
    rows = []
    for name, us in sorted(best.items(), key=lambda pair: pair[1]):
        ratios = [f"{us / best[c]:.2f}" if us / best[c] < 100 else f"{us / best[c]:,.0f}" for c in against]
        took = f"{seconds[name]:.2f}" if seconds.get(name) else ""
        rows.append([name, f"{us:,.3f}", *ratios, took, "; ".join(bars(net, name, best, seconds))])
    print(table(head, iter(rows)))


def bars(net: str, name: str, best: dict[str, float], seconds: dict[str, float]) -> Iterator[str]:
    """The bars of one system at one network, and whether they are reached."""
    other, most = BARS.get((net, name), ("", 0.0))
    if other in best:
        yield verdict(f"<= {most:g} {other}", best[name] <= most * best[other])
    if name == "native, strict=False" and "JAX, lax.scan" in best and net in SCAN_BARS:
        times = best["JAX, lax.scan"] / best[name]
        yield verdict(f"{times:.1f}x lax.scan's speed, >= {SCAN_BARS[net]:g}", times >= SCAN_BARS[net])
    if name.startswith("native") and net in BUILD_BARS:
        yield verdict(f"built in <= {BUILD_BARS[net]:g} s", seconds[name] <= BUILD_BARS[net])
    if name == "python" and net in SOURCE_BARS:
        times = best["graph, walked"] / best[name]
        yield verdict(f"{times:.1f}x the walk's speed, >= {SOURCE_BARS[net]:g}", times >= SOURCE_BARS[net])


def check(net: str, work: Work, ends: dict[str, tuple[int, list[float]]], folder: str) -> None:
    """End the program unless every system has come to the same weights, and ours, if strict, to the same bits."""
    exact = {"native", "python", "graph, walked"}
    for name, (count, weights) in ends.items():
        few = work.first(count)
        expected = ends["native"][1] if count == work.count and "native" in ends else ours(few, "auto").run(array("d", [LR, *work.initial]))[1:]
        off = max(abs(p - q) / max(1.0, abs(q)) for p, q in zip(weights, expected, strict=True))
        if off > CLOSE or (name in exact and off):
            sys.exit(f"{net}: the weights of {name} are off by {off:.1e}: it did other work")


def left_out() -> str:
    """What is not measured here, in a sentence."""
    missing = sorted({m for _, m, _, _ in PEERS.values() if m and not find_spec(m)} | {m for m in ("micrograd", "llvmlite") if not find_spec(m)})
    found = f"Left out, as not installed: {', '.join(missing)}. " if missing else ""
    if not peers.compiler():
        found += "No C compiler is here: plain C, expert C and CasADi's C are left out, and so are the ratios to them. "
    return found + "CasADi joins up to 10,000 weights (its C up to 1,000), the Python source up to 3,000, micrograd up to 10,000."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", default=list(SIZES), help="networks, as 64-32-10")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    choice = parser.parse_args()
    print(f"Compiled training, {platform.python_implementation()} {platform.python_version()}; {peers.version()}.")
    with tempfile.TemporaryDirectory() as folder:
        for net in choice.nets:
            measure(net, SIZES.get(net, 1_000), 5 if choice.quick else 15, folder)
    print(f"\n{left_out()}\n{busy()}".rstrip())


if __name__ == "__main__":
    main()
