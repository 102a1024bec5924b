"""Gradient descent on one graph, compiled once and run from many starts: w <- w - eta dE/dw for all weights at once."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

from engine import Value, compile, gradient  # noqa: A004
from nn.losses import Loss, loss_function
from nn.modules import MLP
from nn.optim import Diverged


class Descent:
    """Steps down `E`, whose leaves are `weights` and the `columns` of the rows it is given.

    >>> w, x = Value(1.0, "w"), Value(0.0, "x")
    >>> Descent((w - x) * (w - x), [w], [x]).path([1.0], [[3.0]], [0, 0], lr=0.25)
    [[1.0], [2.0], [2.5]]
    """

    def __init__(self, E: Value, weights: Sequence[Value], columns: Sequence[Value]) -> None:
        eta, n = Value(0.1, "eta"), len(columns)
        slopes = gradient(E, list(weights))
        new = [w - eta * slope for w, slope in zip(weights, slopes, strict=True)]
        program = compile([E, eta, *new, *slopes], [*columns, eta, *weights])
        self.weights = len(weights)
        held = {n + k: 1 + k for k in range(1 + self.weights)}
        self._slopes = program
        self._losses = program.scanner(held, [0])
        self._moves = program.scanner(held, range(2, 2 + self.weights))

    def run(
        self, start: Sequence[float], rows: Sequence[Sequence[float]], order: Sequence[int], lr: float
    ) -> tuple[list[float], list[float]]:
        """The weights after one step for each row number in `order`, and E of each row before its step; Diverged if it runs away."""
        state = array("d", [lr, *start])
        (losses,) = self._losses(_buffer(rows), state, order=array("q", order))
        _finite(state, lr)
        return list(state[1:]), losses.tolist()

    def path(
        self, start: Sequence[float], rows: Sequence[Sequence[float]], order: Sequence[int], lr: float
    ) -> list[list[float]]:
        """The weights before the first step and after each; Diverged if they run away."""
        state = array("d", [lr, *start])
        moves = self._moves(_buffer(rows), state, order=array("q", order))
        _finite(state, lr)
        return [list(start), *map(list, zip(*moves, strict=True))]

    def at(self, weights: Sequence[float], row: Sequence[float]) -> tuple[float, list[float]]:
        """E and dE/dw at these weights."""
        E, *rest = self._slopes(*row, 0.0, *weights)
        return E, rest[1 + self.weights :]


def of_model(model: MLP, loss: str | Loss, rows: int = 1) -> Descent:
    """Descent on the summed loss of `rows` rows, each the numbers of x and then of t; weights as in `parameters()`."""
    columns, total = [], None
    for _ in range(rows):
        x, t = [Value(0.3) for _ in range(model.nin)], [Value(0.4) for _ in range(model.nout)]
        E = loss_function(loss)(model(x), t)
        total = E if total is None else total + E
        columns += [*x, *t]
    if total is None:
        raise ValueError("a sum over 0 rows has no gradient; write 1 or more")
    return Descent(total, model.parameters(), columns)


def flat(rows: Any) -> list[list[float]]:
    """Rows of (x, t) as the numbers of x and then of t."""
    return [[*map(float, x), *map(float, t)] for x, t in rows]


def _finite(state: Sequence[float], lr: float) -> None:
    if not all(map(math.isfinite, state)):
        raise Diverged(f"descent with the learning rate {lr:g} runs away: a weight is no longer finite; write a smaller rate")


def _buffer(rows: Sequence[Sequence[float]]) -> array[float]:
    return array("d", chain.from_iterable(rows))
