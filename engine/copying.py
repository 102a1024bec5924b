"""Copies and pickles of Values that stay whole graphs, at any depth, without recursion.

A leaf is copied as it is. An inner node is copied with everything below it, as one flat list of
numbers and positions. Nodes that are copied together, or with a model, stay the same nodes.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakValueDictionary

from engine.graph import born
from engine.value import CONSTANT, Value, fill, node


class Frozen:
    """Inner nodes that are copied together, and the Values `outside` that they were made from."""

    def __init__(self, outside: list[Value], inside: list[Value]) -> None:
        self.outside, self.inside = outside, inside
        self.position = {n: k for k, n in enumerate([*outside, *inside])}

    def __reduce__(self) -> tuple[Any, ...]:
        return Thawed, (self.outside, [self._entry(n) for n in self.inside])

    def _entry(self, n: Any) -> tuple[Any, ...]:
        """A node as data, each of its arguments a number (a float) or the position of a Value (an int)."""
        groups = tuple(tuple(self.position[p] if p.__class__ is Value else p for p in g) for g in n._groups())
        slopes = tuple(s and tuple(s) for s in n._slopes())
        return n.op, n.data, n.grad, n.label, groups, slopes


class Thawed:
    """The copies of `outside`, and those made again from the entries."""

    def __init__(self, outside: list[Value], entries: list[tuple[Any, ...]]) -> None:
        self.nodes = list(outside)
        for op, data, grad, label, groups, slopes in entries:
            args = [tuple(self.nodes[p] if p.__class__ is int else p for p in g) for g in groups]
            n = fill(node(), op, data, args, slopes)
            n.grad, n.label = grad, label
            self.nodes.append(n)


class _Copying(threading.local):
    """What is frozen in this thread, by the id of each inner node; a copier holds what it copies until it is done."""

    def __init__(self) -> None:
        self.frozen: WeakValueDictionary[int, Frozen] = WeakValueDictionary()


_copying = _Copying()


def reduced(v: Value) -> tuple[Any, ...]:
    """What `copy` and `pickle` ask of a Value."""
    if v.op is None:
        return _leaf, (v.data, v.grad, None if v.label is CONSTANT else v.label, v.label is CONSTANT)
    frozen = _copying.frozen.get(id(v)) or _freeze(v, _copying.frozen)
    return _node, (frozen, frozen.position[v])


def _freeze(root: Value, already: WeakValueDictionary[int, Frozen]) -> Frozen:
    """The inner nodes from `root` down to those that are being copied already."""
    inside, found = [root], {root}
    outside: list[Value] = []
    for n in inside:
        for p in (p for g in n._groups() for p in g if p.__class__ is Value and p not in found):
            found.add(p)
            (outside if p.op is None or id(p) in already else inside).append(p)
    frozen = Frozen(sorted(outside, key=born), sorted(inside, key=born))
    for n in inside:
        already[id(n)] = frozen
    return frozen


def _node(thawed: Thawed, position: int) -> Value:
    return thawed.nodes[position]


def _leaf(data: float, grad: float | None, label: Any, constant: bool) -> Value:
    v = Value(data, CONSTANT if constant else label)
    v.grad = grad
    return v
