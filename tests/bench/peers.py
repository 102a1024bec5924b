"""The same training in every system at hand: arrays, scalar graphs, C; each as something that can be timed alone.

The work: a sigmoid network with biases, E = sum_k (t_k - o_k)^2, learning rate 0.1; for every sample forward,
backward and the update of every weight. All start from the same weights and see the same rows in the same order.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple


LR = 0.1
HERE = Path(__file__).resolve().parent
OPTIMISED = ["-O3", "-march=native", "-ffast-math"]  # of plain and expert C


class Training(NamedTuple):
    """`run(start())` trains over all rows from the first weights: it alone is timed. `weights` reads what it gives."""

    start: Callable[[], Any]
    run: Callable[[Any], Any]
    weights: Callable[[Any], list[float]]
    seconds: float = 0.0  # that it took to compile


class Work:
    """A network, its first weights (of each layer: unit by unit, then its biases), and rows."""

    def __init__(self, sizes: list[int], count: int) -> None:
        self.sizes, self.count = sizes, count
        random = Random(3)
        self.initial: list[float] = []
        for n, m in pairwise(sizes):
            self.initial += [random.gauss(0.0, n**-0.5) for _ in range(n * m)] + [random.gauss(0.0, 0.5) for _ in range(m)]
        self.rows = [
            ([random.random() for _ in range(sizes[0])], [random.random() for _ in range(sizes[-1])]) for _ in range(count)
        ]
        self.flat = array("d", [v for x, t in self.rows for v in (*x, *t)])

    def first(self, count: int) -> Work:
        """The same with the first rows only."""
        if count >= self.count:
            return self
        short = object.__new__(Work)
        short.sizes, short.initial, short.count = self.sizes, self.initial, count
        short.rows = self.rows[:count]
        short.flat = self.flat[: count * (self.sizes[0] + self.sizes[-1])]
        return short

    def matrices(self, asarray: Callable[[Any], Any]) -> list[tuple[Any, Any]]:
        """The first weights as matrices and biases, new ones every time."""
        found, at = [], 0
        for n, m in pairwise(self.sizes):
            w = [self.initial[at + j * n : at + j * n + n] for j in range(m)]
            found.append((asarray(w), asarray(self.initial[at + n * m : at + n * m + m])))
            at += n * m + m
        return found


def flattened(layers: Any) -> list[float]:
    """Matrices and biases as one list."""
    return [float(v) for w, b in layers for v in (*w.ravel().tolist(), *b.tolist())]


# ---- C


def compiler() -> str:
    """The C compiler's name, empty if there is none."""
    from shutil import which

    return next((c for c in (os.environ.get("CC", ""), "gcc", "clang", "cc") if c and which(c)), "")


def version() -> str:
    """The C compiler and its version, or that there is none."""
    if not compiler():
        return "no C compiler"
    return subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def in_c(work: Work, source: str, folder: str) -> Training:
    """One of the C programs beside this file, compiled for these sizes."""
    sizes = ",".join(map(str, work.sizes))
    library = f"{folder}/{source}-{sizes}.so"
    flags = [*OPTIMISED, f"-DSIZES={sizes}", f"-DLAYERS={len(work.sizes) - 1}", "-shared", "-fPIC"]
    subprocess.run([compiler(), *flags, "-o", library, str(HERE / f"{source}.c"), "-lm"], check=True)
    function = ctypes.CDLL(library).train
    numbers = (ctypes.c_int * len(work.sizes))(*work.sizes)
    rows = ctypes.c_void_p(work.flat.buffer_info()[0])

    def run(weights: array[float]) -> array[float]:
        place = ctypes.c_void_p(weights.buffer_info()[0])
        function(len(work.sizes) - 1, numbers, place, rows, ctypes.c_long(work.count), ctypes.c_double(LR))
        return weights

    return Training(lambda: array("d", work.initial), run, list)


def plain_c(work: Work, folder: str) -> Training:
    return in_c(work, "plain", folder)


def expert_c(work: Work, folder: str) -> Training:
    return in_c(work, "expert", folder)


# ---- arrays


def in_numpy(work: Work, folder: str) -> Training:
    """Backpropagation written by hand."""
    import numpy as np

    rows = [(np.array(x), np.array(t)) for x, t in work.rows]

    def run(layers: Any) -> Any:
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
        return layers

    return Training(lambda: work.matrices(np.array), run, flattened)


def in_autograd(work: Work, folder: str) -> Training:
    """HIPS autograd over NumPy's arrays."""
    import autograd.numpy as anp
    from autograd import grad

    rows = [(anp.array(x), anp.array(t)) for x, t in work.rows]

    def loss(layers: Any, x: Any, t: Any) -> Any:
        for w, b in layers:
            x = 1 / (1 + anp.exp(-(anp.dot(w, x) + b)))
        return anp.sum((t - x) ** 2)

    slope = grad(loss)

    def run(layers: Any) -> Any:
        for x, t in rows:
            slopes = slope(layers, x, t)
            layers = [(w - LR * dw, b - LR * db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)]
        return layers

    return Training(lambda: work.matrices(anp.array), run, flattened)


def in_torch(work: Work, folder: str) -> Training:
    """Eager PyTorch: nn.Linear, nn.Sigmoid, optim.SGD, one thread."""
    import torch

    torch.set_num_threads(1)
    rows = [(torch.tensor(x, dtype=torch.float64), torch.tensor(t, dtype=torch.float64)) for x, t in work.rows]

    def start() -> Any:
        layers: list[Any] = []
        for w, b in work.matrices(lambda a: torch.tensor(a, dtype=torch.float64)):
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            layers += [linear, torch.nn.Sigmoid()]
        net = torch.nn.Sequential(*layers)
        return net, torch.optim.SGD(net.parameters(), lr=LR)

    def run(state: Any) -> Any:
        net, sgd = state
        for x, t in rows:
            sgd.zero_grad()
            ((t - net(x)) ** 2).sum().backward()
            sgd.step()
        return net

    return Training(start, run, lambda net: [v for p in net.parameters() for v in p.detach().ravel().tolist()])


def _jax_step(work: Work) -> tuple[Any, Any, Any]:
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

    return jax, jnp, step


def in_jax_steps(work: Work, folder: str) -> Training:
    """One jitted step per sample."""
    jax, jnp, step = _jax_step(work)
    one = jax.jit(lambda layers, x, t: step(layers, (x, t))[0])
    rows = [(jnp.array(x), jnp.array(t)) for x, t in work.rows]

    def run(layers: Any) -> Any:
        for x, t in rows:
            layers = one(layers, x, t)
        return jax.block_until_ready(layers)

    return Training(lambda: jax.block_until_ready(work.matrices(jnp.array)), run, flattened)


def in_jax_scan(work: Work, folder: str) -> Training:
    """All rows in one jitted `lax.scan`."""
    jax, jnp, step = _jax_step(work)
    rows = jnp.array([x for x, _ in work.rows]), jnp.array([t for _, t in work.rows])
    epoch = jax.jit(lambda layers: jax.lax.scan(step, layers, rows)[0])
    return Training(
        lambda: jax.block_until_ready(work.matrices(jnp.array)), lambda layers: jax.block_until_ready(epoch(layers)), flattened
    )


# ---- a scalar graph that is no Python


def _casadi_step(work: Work) -> Any:
    """CasADi's scalar graph (SX) of a step; and the weights as one column."""
    import casadi as ca

    w = ca.SX.sym("w", len(work.initial))
    x, t = ca.SX.sym("x", work.sizes[0]), ca.SX.sym("t", work.sizes[-1])
    o, at = x, 0
    for n, m in pairwise(work.sizes):
        matrix = ca.reshape(w[at : at + n * m], n, m).T
        o = 1 / (1 + ca.exp(-(ca.mtimes(matrix, o) + w[at + n * m : at + n * m + m])))
        at += n * m + m
    new = w - LR * ca.gradient(ca.sumsqr(t - o), w)
    return ca.Function("step", [w, x, t], [new])


def in_casadi(work: Work, folder: str) -> Training:
    """CasADi's virtual machine; buffers in place, called without copies."""
    return _casadi_run(work, _casadi_step(work))


def in_casadi_c(work: Work, folder: str) -> Training:
    """CasADi's straight-line C, compiled as plain C is, without -ffast-math."""
    import time

    import casadi as ca

    began = time.perf_counter()
    name = f"casadi_{'_'.join(map(str, work.sizes))}"
    here = os.getcwd()
    os.chdir(folder)  # it writes where it stands
    try:
        _casadi_step(work).generate(f"{name}.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler(), *flags, "-o", f"{name}.so", f"{name}.c", "-lm"], check=True)
    finally:
        os.chdir(here)
    step = ca.external("step", f"{folder}/{name}.so")
    return _casadi_run(work, step)._replace(seconds=time.perf_counter() - began)


def _casadi_run(work: Work, step: Any) -> Training:
    import numpy as np

    buffer, call = step.buffer()
    n, width = work.sizes[0], work.sizes[0] + work.sizes[-1]
    rows = np.array(work.flat)

    def run(w: Any) -> Any:
        new = np.empty_like(w)
        for k in range(0, len(rows), width):
            buffer.set_arg(0, memoryview(w))
            buffer.set_arg(1, memoryview(rows[k : k + n]))
            buffer.set_arg(2, memoryview(rows[k + n : k + width]))
            buffer.set_res(0, memoryview(new))
            call()
            w, new = new, w
        return w

    return Training(lambda: np.array(work.initial), run, lambda w: w.tolist())
