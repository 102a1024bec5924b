"""What a node is called in messages and reports.

>>> from engine import Value
>>> w = Value(0.5, "w")
>>> called((w * 3).tanh()), called(w), called(Value(2.0))
('tanh(a=1.5)', 'w', 'a leaf')
"""

from __future__ import annotations

import itertools
from typing import Any

from engine.errors import short
from engine.value import Value


def name(n: Value) -> str:
    """The label, or the operation, or that it is a leaf."""
    return str(n.label) if n.label is not None else "a leaf" if n.op is None else n.op.name


def called(n: Value) -> str:
    """A node as its operation over its arguments' names and numbers, after its own name if it has one.

    >>> x, y = Value(2.0, "x"), Value(-3.0, "y")
    >>> p = x * y
    >>> p.label = "p"
    >>> called(p)
    'p = mul(x=2.0, y=-3.0)'
    """
    if n.op is None:
        return name(n)
    parts = []
    args = iter(n.args)
    for s, g, vector in zip(n.op.args, n._groups(), n.op.vector, strict=True):
        parts.append(_argument(s, list(itertools.islice(args, len(g))), vector))
    made = f"{n.op.name}({', '.join(parts)})"
    return made if n.label is None else f"{n.label} = {made}"


def _argument(symbol: str, args: list[Any], vector: bool) -> str:
    if vector:
        return f"{symbol}={short([p.data if p.__class__ is Value else p for p in args])}"
    (p,) = args
    if p.__class__ is not Value:
        return f"{symbol}={p!r}"
    return f"{p.label if p.label is not None else symbol}={p.data!r}"
