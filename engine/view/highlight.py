"""What is highlighted in a picture: some Values, and what of their gradient each edge carries.

The gradient of a node is the sum over all paths to the root. The paths through one edge share it, and their
part of the sum is (d source / d node) * partial * (d root / d target): two passes give it for every edge,
however many paths there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.errors import short
from engine.value import Value
from engine.view.record import Node, Record
from engine.why import Explanation, Paths


Use = tuple[str, int]  # an edge: its target, and which argument of it the source is
Wish = Value | Explanation | Paths | Iterable[Value] | None  # what `highlight=` takes


def wanted(highlight: Wish) -> tuple[Value, ...]:
    """The Values that are to be highlighted: those given, or the one that was explained; none for None.

    >>> w = Value(2.0, "w")
    >>> from engine import explain
    >>> wanted(explain(w, w * w))[0] is wanted(w)[0] is w
    True
    """
    if highlight is None:
        return ()
    if isinstance(highlight, Explanation):
        highlight = highlight.paths
    if isinstance(highlight, Paths):
        return (highlight.node,)
    if isinstance(highlight, Value):
        return (highlight,)
    advice = "highlight takes a Value, several of them, or explain(w, root)"
    if isinstance(highlight, str | bytes) or not isinstance(highlight, Iterable):
        raise TypeError(f"{advice}, not {short(highlight)}")
    values = tuple(highlight)
    if strange := [v for v in values if not isinstance(v, Value)]:
        raise TypeError(f"{advice}, not {short(strange[0])} among several")
    return values


def carried(record: Record, nodes: Sequence[Node]) -> dict[Use, float]:
    """For each edge on a path from one of `nodes` to a root, its part of the sum of their gradients.

    >>> from engine.view.record import record
    >>> x = Value(3.0, "x")
    >>> y = x * x - x
    >>> carried(record(y), [record(y).find(x)])
    {('n1', 0): 3.0, ('n1', 1): 3.0, ('n2', 0): 6.0, ('n2', 1): -1.0}
    """
    reach = {n.id: 1.0 for n in nodes}  # d node / d what is highlighted
    adjoint = dict.fromkeys(record.roots, 1.0)
    for e in reversed(record.edges):
        if e.partial is not None:
            adjoint[e.source] = adjoint.get(e.source, 0.0) + e.partial * adjoint.get(e.target, 0.0)
    found: dict[Use, float] = {}
    for e in record.edges:  # grouped by target, targets in topological order
        if e.partial is not None and e.source in reach:
            reach[e.target] = reach.get(e.target, 0.0) + e.partial * reach[e.source]
            found[e.target, e.position] = e.partial * adjoint[e.target] * reach[e.source]
    return found
