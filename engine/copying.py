"""Copies and pickles of Values that stay whole graphs, at any depth, without recursion.

A leaf is copied as it is. An inner node is copied with everything below it, as one flat list of
numbers and positions. Nodes that are copied together, or with a model, stay the same nodes.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from engine.graph import topological
from engine.ops import TABLE
from engine.recording import steepened
from engine.value import CONSTANT, Value, fill, node


class Frozen:
    """Inner nodes as data: each argument a number, or the position of a Value among `outside` and `entries`."""

    def __init__(self, outside: list[Value], entries: list[tuple[Any, ...]]) -> None:
        self.outside, self.entries = outside, entries
        self.position: dict[Value, int] = {}  # of the originals; holds them while they are being copied
        self.thawed: list[Value] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (self.outside, self.entries)

    def node(self, position: int) -> Value:
        """The Value at `position`; the first call makes them all."""
        if self.thawed is None:
            self.thawed = list(self.outside)
            for entry in self.entries:
                self.thawed.append(_thawed(self.thawed, *entry))
        return self.thawed[position]


_alive: WeakSet[Frozen] = WeakSet()  # what is being copied just now: a copier holds it until it is done


def reduced(v: Value) -> tuple[Any, ...]:
    """What `copy` and `pickle` ask of a Value."""
    if v.op is None:
        return _leaf, (v.data, v.grad, None if v.label is CONSTANT else v.label, v.label is CONSTANT)
    frozen = _holding(v) or _freeze(v)
    return Frozen.node, (frozen, frozen.position[v])


def _holding(v: Value) -> Frozen | None:
    """The frozen graph that holds the inner node `v` already."""
    return next((f for f in _alive if v in f.position), None)


def _freeze(root: Value) -> Frozen:
    outside: list[Value] = []
    inside: list[Value] = []
    for n in topological(root):
        (outside if n.op is None or _holding(n) else inside).append(n)
    position = {n: k for k, n in enumerate([*outside, *inside])}

    def place(p: Any) -> Any:
        return position[p] if p.__class__ is Value else float(p)

    entries = []
    n: Any
    for n in inside:
        groups = tuple(tuple(map(place, g)) for g in n._groups())
        slopes = tuple(s and tuple(map(float, s)) for s in n._slopes())
        entries.append((n.op.name, n.data, n.grad, n.label, groups, slopes))
    frozen = Frozen(outside, entries)
    frozen.position = {n: position[n] for n in inside}
    _alive.add(frozen)
    return frozen


def _leaf(data: float, grad: float | None, label: Any, constant: bool) -> Value:
    v = Value(data, CONSTANT if constant else label)
    v.grad = grad
    return v


def _thawed(
    known: list[Value], name: str, data: float, grad: float | None, label: Any, groups: Any, slopes: Any
) -> Value:
    args = [tuple(known[p] if p.__class__ is int else p for p in g) for g in groups]
    n = fill(node(), TABLE[name], data, args, [s and tuple(map(steepened, s)) for s in slopes])
    n.grad, n.label = grad, label
    return n
