"""Walks over a graph of Values: loops, in an order that depends on nothing but the program.

A node is made after its arguments, so the order of creation is a topological order: to sort by it is
all there is to do. Nothing recurses; a chain of a million nodes is walked like any other graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from engine.value import Value

born = attrgetter("_born")


def below(*roots: Value) -> list[Value]:
    """Every Value that `roots` were made from, themselves included, in the order they are found."""
    found = dict.fromkeys(roots)
    for n in (stack := list(found)):
        if n.op is not None:
            for p in n._values():
                if p not in found:
                    found[p] = None
                    stack.append(p)
    return list(found)


def topological(*roots: Value) -> list[Value]:
    """The same, arguments before what is made from them.

    >>> from engine import Value
    >>> a = Value(2.0, "a")
    >>> b = a * a
    >>> [n.data for n in topological(b + a)]
    [2.0, 4.0, 6.0]
    """
    return sorted(below(*roots), key=born)


def leaves(*roots: Value) -> Iterator[Value]:
    """The leaves below `roots`, in the order they were made; constants are not among them."""
    return (v for v in topological(*roots) if v.op is None)
