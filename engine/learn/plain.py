"""The engine in its plainest form: the same table, read without any haste.

`Value` in engine/value.py does this with operators written from the rows, flat slots and one walk. Here
nothing is hurried: a node is recorded by reading its row, and the chain rule is the loop of the notes.
Both give the same numbers, to the last bit (tests/test_learn_plain.py). The exercises are cut from this file.

>>> a, b = Value(2.0), Value(-3.0)
>>> L = (b + 4) * (a * b)
>>> L.backward()
>>> L.data, a.grad, b.grad
(-6.0, -3.0, -4.0)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from engine.learn.todo import value_and_partials
from engine.ops import TABLE, Row


tick = itertools.count().__next__


def operator(name: str) -> tuple[Callable[[Any, Any], Value], Callable[[Any, Any], Value]]:
    """The operator of a row: for a Value on the left, and for a number before a Value."""
    return lambda a, b: record(TABLE[name], a, b), lambda b, a: record(TABLE[name], a, b)


def method(name: str) -> Any:
    """The function of a row of one argument, as a method."""
    return lambda a: record(TABLE[name], a)


class Value:
    """A number that remembers how it was made: by the row `op`, from `args`, with a local derivative for each."""

    def __init__(self, data: float, label: str | None = None) -> None:
        self.data = float(data)
        self.label = label
        self.op: Row | None = None
        self.args: tuple[Value | float, ...] = ()
        self.partials: tuple[float | None, ...] = ()
        self.grad: float | None = None  # unknown until a backward pass has come by
        self.born = tick()

    __add__, __radd__ = operator("add")
    __sub__, __rsub__ = operator("sub")
    __mul__, __rmul__ = operator("mul")
    __truediv__, __rtruediv__ = operator("div")
    __pow__, __rpow__ = operator("pow")
    __neg__, exp, log, tanh, sigmoid = map(method, ("neg", "exp", "log", "tanh", "sigmoid"))

    def backward(self, seed: float = 1.0) -> None:
        """Give every node below its gradient: over all its uses the sum of partial times the user's (LEC-12)."""
        order = topological(self)
        for n in order:
            n.grad = 0.0
        self.grad = seed
        for n in reversed(order):
            for p, slope in zip(n.args, n.partials, strict=True):
                if isinstance(p, Value):
                    p.grad += slope * n.grad  # type: ignore[operator]


def record(op: Row, *args: Any) -> Value:
    """The node of the row `op` over `args`: numbers, Values, and lists of them for vectors (S63-b).

    >>> n = record(TABLE["mul"], Value(2.0), 3)
    >>> n.data, n.op.name, n.args[1], n.partials
    (6.0, 'mul', 3.0, (3.0, None))
    """
    given = [p if isinstance(p, (list, tuple)) else [p] for p in args]
    groups = [[p if isinstance(p, Value) else float(p) for p in g] for g in given]
    y, slopes = read(op, groups)
    args = tuple(p for g in groups for p in g)
    n = Value(y)
    n.op = op
    n.args = args
    n.partials = tuple(d if isinstance(p, Value) else None for p, d in zip(args, slopes, strict=True))
    return n


def read(op: Row, groups: list[list[Any]]) -> tuple[float, list[float]]:
    """The number of a row and its partial by every argument, at the numbers of the arguments."""
    numbers = [[p.data if isinstance(p, Value) else p for p in g] for g in groups]
    symbols = {s: g if v else g[0] for s, v, g in zip(op.args, op.vector, numbers, strict=True)}
    y, partials = value_and_partials(op, symbols)
    wide = [d if isinstance(d, list) else [d] * len(g) for d, g in zip(partials, numbers, strict=True)]
    return y, [d for group in wide for d in group]


def topological(root: Value) -> list[Value]:
    """Every Value that `root` was made from and itself, each once, arguments before what is made from them."""
    found, seen = [root], {root}
    for n in found:  # the list grows while it is walked
        for p in n.args:
            if isinstance(p, Value) and p not in seen:
                seen.add(p)
                found.append(p)
    return sorted(found, key=lambda n: n.born)  # a node is born after its arguments


def numeric_grad(f: Callable[[float], float], x: float, h: float | None = None) -> float:
    """df/dx by a central difference, the mean of the slopes on both sides; ValueError where they disagree: a kink.

    >>> round(numeric_grad(lambda x: x**3, 2.0), 6)
    12.0
    """
    if h is None:
        h = 1e-6 * max(1.0, abs(x))
    right = (f(x + h) - f(x)) / h
    left = (f(x) - f(x - h)) / h
    if abs(right - left) > 0.1 * max(1.0, abs(right), abs(left)):
        raise ValueError(f"x = {x:g} is a kink: the slope is {left:.3g} before it and {right:.3g} after it")
    return (right + left) / 2
