"""Networks in their plainest form: the notes' sums, deltas and steps, one formula a function.

`nn` does this for whole layers at once; tests/test_learn_nn.py holds both beside each other. The exercises
on networks are cut from this file. Weights and inputs are numbers or Values.

>>> round(delta_o(0.2, 1.0), 6), round(delta_h(0.75, [-2.772589, 4.394449], [0.128, 0.009]), 6)
(0.128, -0.059127)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from engine.learn.plain import Value, record
from engine.ops import TABLE


def net(w: Sequence[Any], x: Sequence[Any], b: Any = None) -> Any:
    """net_j = sum_i w_ji o_i, from left to right, the bias last (LEC-4). Raises ValueError for unequal lengths.

    >>> net([2.0, -1.0], [3.0, 4.0], 0.5)
    2.5
    """
    s = w[0] * x[0]
    for w_i, x_i in zip(w[1:], x[1:], strict=True):
        s = s + w_i * x_i
    return s if b is None else s + b


def forward(x: Sequence[Any], layers: Sequence[Sequence[Sequence[Any]]], skip: bool = False) -> list[Any]:
    """The outputs o_j = f(net_j), layer by layer, with f the sigmoid (LEC-3); `layers` holds the weights of each unit.

    With `skip` a layer with as many units as inputs adds what came in.
    """
    o = list(x)
    for weights in layers:
        into = o
        o = [net(w, into).sigmoid() for w in weights]
        if skip:
            o = added(o, into)
    return o


def added(o: Sequence[Any], into: Sequence[Any]) -> list[Any]:
    """The outputs plus what came into the layer, unit by unit; where their numbers differ, the outputs alone."""
    if len(o) != len(into):
        return list(o)
    return [o_j + i_j for o_j, i_j in zip(o, into, strict=True)]


def error(row: str, outputs: Sequence[Any], targets: Sequence[float]) -> Value:
    """The error of one sample by a row of the table: "sse" or "bce"."""
    return record(TABLE[row], list(outputs), list(targets))


def delta_o(y: float, t: float) -> float:
    """Delta of an output unit, -1/2 dE/dnet of the sum of squares (S63-k)."""
    return y * (1 - y) * (t - y)


def delta_h(a: float, w: Sequence[float], deltas: Sequence[float]) -> float:
    """Delta of a hidden unit with output `a`, from the weights that lead on from it and the deltas there (S63-t)."""
    s = 0.0
    for w_o, d_o in zip(w, deltas, strict=True):
        s += d_o * w_o
    return a * (1 - a) * s


def best(starts: Sequence[Any], trained: Callable[[Any], float]) -> Any:
    """Of several starts the one that ends with the least error, `trained(start)` (SX-R3).

    >>> best([1, 2, 3], lambda start: abs(start - 2.2))
    2
    """
    return min(starts, key=trained)


def sgd_step(weights: Sequence[Any], eta: float) -> None:
    """One step down: w' = w - eta dE/dw for every weight (S63-c, S63-d)."""
    for p in weights:
        p.data -= eta * p.grad


def epoch(rows: Sequence[Any], weights: Sequence[Any], E: Callable[[Any], Any], eta: float, random: Random) -> None:
    """One pass over the rows in an order that `random` draws, with a step after every one of them (LEC-1)."""
    order = list(range(len(rows)))
    random.shuffle(order)
    for k in order:
        E(rows[k]).backward()
        sgd_step(weights, eta)
