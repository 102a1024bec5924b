"""Everything between a node and the root: each use, each adjoint, and what differences say.

The gradient of a node rests on the nodes that were made from it, and on nothing else. They are its
cone. All walks over it are loops, users after what they use or before it, by order of creation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.errors import short
from engine.graph import topological
from engine.ieee import evaluate
from engine.recording import check_fresh
from engine.source import recorder
from engine.value import CONSTANT, Value


class Edge(NamedTuple):
    """One use of `arg`, as argument number `position` of `user`; `partial` is d user / d arg along it."""

    arg: Value
    user: Value
    position: int
    partial: float


def edges(n: Value) -> Iterator[Edge]:
    """The edges from node `n` down to its arguments, in order and with repeats; constants have none."""
    position = 0
    for group, slopes in zip(n._groups(), n._slopes(), strict=True):
        if slopes is not None:
            for k, (p, d) in enumerate(zip(group, slopes, strict=True)):
                if p.label is not CONSTANT:
                    yield Edge(p, n, position + k, d)
        position += len(group)


class Cone:
    """The nodes from `node` up to `root`, how each is used there, and d root / d n for each.

    The adjoints come from the recorded partials, whatever passes were run before. Raises TypeError for
    anything but Values, ValueError for a node that the root was not made from, StaleGraph if a leaf was
    changed after recording.
    """

    def __init__(self, node: Value, root: Value, caller: str) -> None:
        for v in (node, root):
            if v.__class__ is not Value:
                raise TypeError(f"{caller}: a node and a root are Values, not {short(v)}")
        self.node, self.root = node, root
        self.nodes = topological(root)
        self.uses: dict[Value, list[Edge]] = {node: []}
        for n in self.nodes:
            for e in edges(n):
                if e.arg in self.uses:
                    self.uses.setdefault(n, [])
                    self.uses[e.arg].append(e)
        if root not in self.uses:
            raise ValueError(
                f"{caller}: {node!r} is not in the graph of {root!r}: the root was not made from it, so there is "
                "no derivative; was the expression built again, from other Values?"
            )
        check_fresh(root)
        self.order = [n for n in self.nodes if n in self.uses]
        self.adjoint = self._adjoints()

    def _adjoints(self) -> dict[Value, float]:
        """The chain rule once more, in the order of `Value.backward`, so that every bit agrees."""
        adjoint = dict.fromkeys(self.uses, -0.0)
        adjoint[self.root] = 1.0
        for n in reversed(self.order):
            for e in edges(n):
                if e.arg in adjoint:
                    adjoint[e.arg] += e.partial * adjoint[n]
        return adjoint

    def at(self, x: float) -> float:
        """The root if the node held `x` and all else stayed; NaN or infinite where Python would raise."""
        data = {self.node: x}
        for n in self.order[1:]:
            row: Any = n.op
            numbers: dict[str, Any] = {}
            for s, group, vector in zip(row.args, n._groups(), row.vector, strict=True):
                xs = [data.get(p, p.data) if p.__class__ is Value else p for p in group]
                numbers[s] = xs if vector else xs[0]
            try:
                data[n] = recorder(row.name, "f")(*numbers.values())
            except (ArithmeticError, ValueError):
                data[n] = evaluate(row.value, numbers)
        return data[self.root]


class Differences(NamedTuple):
    """Slopes of the root over a small step of a node: from the left, from the right, and central."""

    step: float
    left: float
    right: float
    central: float


def differences(cone: Cone) -> Differences:
    """The derivative again without any derivative: by evaluating the graph at w - h, w and w + h.

    h is 1e-6, and ten times that for each digit that w has before the point beyond the first.
    """
    w = cone.node.data
    h = 10.0 ** (max(0, math.floor(math.log10(abs(w)))) - 6) if w and math.isfinite(w) else 1e-6
    below, here, above = cone.at(w - h), cone.root.data, cone.at(w + h)
    return Differences(h, (here - below) / h, (above - here) / h, (above - below) / (2 * h))
