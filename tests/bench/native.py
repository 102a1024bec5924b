"""Compiled training beside C: microseconds per sample of per-sample SGD, and ratios within one run.

    python tests/bench/native.py [2-2-2 2-16-16-1 64-32-10 784-128-10]

The work: a sigmoid network with biases, E = sum_k (t_k - o_k)^2, learning rate 0.1; for every sample
forward, backward and the update of every weight. All systems start from the same weights, see the same
rows in the same order, and must end with the same weights. "plain C" is what one writes with run-time
sizes, "expert C" knows its sizes and fuses loops; both are compiled with gcc -O3 -march=native
-ffast-math. NumPy, JAX and PyTorch join where they are installed. Systems take turns, several rounds;
the best round of each counts.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from nn import MLP, SGD, losses
from nn.compiled import CompiledSteps


LR = 0.1
ROUNDS = 7
SIZES = ("2-2-2", "2-16-16-1", "64-32-10", "784-128-10")
HERE = Path(__file__).parent
FAST = ["-O3", "-march=native", "-ffast-math"]
Train: TypeAlias = Callable[[], list[float]]  # trains once from the initial weights; the weights it ends with


class Work:
    """A network, its initial weights, and rows."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        weights = sum((n + 1) * m for n, m in pairwise(sizes))
        self.count = 200 if weights > 20_000 else 2_000 if weights > 1_000 else 20_000
        random = Random(3)
        self.rows = [
            ([random.random() for _ in range(sizes[0])], [random.random() for _ in range(sizes[-1])])
            for _ in range(self.count)
        ]
        self.flat = array("d", [v for x, t in self.rows for v in (*x, *t)])
        self.initial = [p.data for p in self.model().parameters()]

    def model(self) -> MLP:
        return MLP(self.sizes[0], self.sizes[1:], activation="sigmoid", output="sigmoid", seed=1)


def ours(work: Work, backend: str, strict: bool = True) -> tuple[Train, float]:
    """Our compiled step, and the seconds from the model to the first step done."""
    model = work.model()
    began = time.perf_counter()
    steps = CompiledSteps(
        model,
        work.rows,
        lambda batch: losses.sse(model(batch[0][0]), batch[0][1]),
        SGD(model.parameters(), LR),
        backend,
        strict,
    )
    steps.run([0], 1, lambda batch: None)
    seconds = time.perf_counter() - began

    def train() -> list[float]:
        state = array("d", [LR, *work.initial])
        steps.steps[1].rows(work.flat, state)
        return state[1:].tolist()

    return train, seconds


def on_the_graph(work: Work, count: int) -> float:
    """Microseconds per sample of recording every step anew."""
    model = work.model()
    sgd = SGD(model.parameters(), LR)
    began = time.perf_counter()
    for x, t in work.rows[:count]:
        E = losses.sse(model(x), t)
        sgd.zero_grad()
        E.backward()
        sgd.step()
    return (time.perf_counter() - began) / count * 1e6


def in_c(work: Work, source: str, folder: str) -> Train:
    """One of the C programs, compiled for these sizes."""
    sizes = ",".join(map(str, work.sizes))
    library = f"{folder}/{source}-{sizes}.so"
    flags = [*FAST, f"-DSIZES={sizes}", f"-DLAYERS={len(work.sizes) - 1}", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", library, str(HERE / f"{source}.c"), "-lm"], check=True)
    function = ctypes.CDLL(library).train
    numbers = (ctypes.c_int * len(work.sizes))(*work.sizes)

    def train() -> list[float]:
        weights = array("d", work.initial)
        places = (ctypes.c_void_p(a.buffer_info()[0]) for a in (weights, work.flat))
        function(len(work.sizes) - 1, numbers, *places, ctypes.c_long(work.count), ctypes.c_double(LR))
        return weights.tolist()

    return train


def matrices(work: Work, asarray: Callable[[Any], Any]) -> list[Any]:
    """The initial weights as matrices and biases."""
    found, at = [], 0
    for n, m in pairwise(work.sizes):
        found.append((asarray(work.initial[at : at + n * m]).reshape(m, n), asarray(work.initial[at + n * m : at + n * m + m])))
        at += n * m + m
    return found


def in_numpy(work: Work) -> Train:
    import numpy as np

    rows = [(np.array(x), np.array(t)) for x, t in work.rows]

    def train() -> list[float]:
        layers = matrices(work, np.array)
        for x, t in rows:
            o = [x]
            for w, b in layers:
                o.append(1 / (1 + np.exp(-(w @ o[-1] + b))))
            delta = -2 * (t - o[-1]) * o[-1] * (1 - o[-1])
            for k in range(len(layers) - 1, -1, -1):
                w, b = layers[k]
                below = (delta @ w) * o[k] * (1 - o[k]) if k else delta
                w -= LR * np.outer(delta, o[k])
                b -= LR * delta
                delta = below
        return [float(v) for w, b in layers for v in (*w.ravel(), *b)]

    return train


def in_jax(work: Work) -> Train:
    """The whole epoch in one jitted scan."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(layers: Any, x: Any, t: Any) -> Any:
        for w, b in layers:
            x = jax.nn.sigmoid(w @ x + b)
        return jnp.sum((t - x) ** 2)

    def step(layers: Any, row: Any) -> Any:
        slopes = jax.grad(loss)(layers, *row)
        return jax.tree.map(lambda w, g: w - LR * g, layers, slopes), None

    rows = jnp.array([x for x, _ in work.rows]), jnp.array([t for _, t in work.rows])
    epoch = jax.jit(lambda layers: jax.lax.scan(step, layers, rows)[0])
    start = matrices(work, jnp.array)

    def train() -> list[float]:
        end = jax.block_until_ready(epoch(start))
        return [float(v) for w, b in end for v in (*w.ravel().tolist(), *b.tolist())]

    return train


def in_torch(work: Work) -> Train:
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = [(torch.tensor(x), torch.tensor(t)) for x, t in work.rows]

    def train() -> list[float]:
        layers: list[Any] = []
        for w, b in matrices(work, torch.tensor):
            linear = torch.nn.Linear(w.shape[1], w.shape[0])
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            layers += [linear, torch.nn.Sigmoid()]
        net = torch.nn.Sequential(*layers)
        sgd = torch.optim.SGD(net.parameters(), lr=LR)
        for x, t in rows:
            sgd.zero_grad()
            ((t - net(x)) ** 2).sum().backward()
            sgd.step()
        return [float(v) for p in net.parameters() for v in p.detach().ravel()]

    return train


def measure(sizes: list[int], folder: str) -> None:
    """One size: every system's time and its ratio to plain and to expert C."""
    work = Work(sizes)
    print(f"\n{'-'.join(map(str, sizes))}: {len(work.initial)} weights, {work.count} samples")
    systems: dict[str, Train] = {}
    if shutil.which("gcc"):
        systems = {"plain C": in_c(work, "plain", folder), "expert C": in_c(work, "expert", folder)}
    for name, backend, strict in (("native", "native", True), ("native, strict=False", "native", False), ("python", "python", True)):
        if (backend == "python" and len(work.initial) > 3000) or (backend == "native" and not find_spec("llvmlite")):
            continue
        systems[name], seconds = ours(work, backend, strict)
        print(f"  {name}: {seconds:.2f} s from the model to the first step")
    for name, build, module in (("NumPy", in_numpy, "numpy"), ("JAX, scan", in_jax, "jax"), ("PyTorch", in_torch, "torch")):
        if find_spec(module):
            systems[name] = build(work)
    best, weights = dict.fromkeys(systems, float("inf")), {}
    for _ in range(ROUNDS):
        for name, train in systems.items():
            if best[name] < 1e6 and best[name] * work.count > 2e6:  # two seconds once are enough
                continue
            began = time.perf_counter()
            weights[name] = train()
            best[name] = min(best[name], (time.perf_counter() - began) / work.count * 1e6)
    best["graph"] = on_the_graph(work, 20 if len(work.initial) > 2000 else 200)
    reference = next(iter(weights.values()))
    for name, microseconds in sorted(best.items(), key=lambda pair: pair[1]):
        ratios = "".join(f"{microseconds / best[c]:12.2f} x {c}" for c in ("plain C", "expert C") if c in best)
        off = max((abs(p - q) for p, q in zip(weights.get(name, reference), reference, strict=True)), default=0.0)
        print(f"  {name:22}{microseconds:12.3f} us{ratios}" + (f"   weights differ by {off:.1e}" if off > 1e-9 else ""))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for size in sys.argv[1:] or SIZES:
            measure([int(n) for n in size.split("-")], folder)
