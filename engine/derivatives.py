"""Derivatives as graphs of Values: the table read on Values, the chain rule as n-ary dot products.

>>> from engine import Value
>>> x = Value(2.0, "x")
>>> (d,) = gradient(x**3, [x])
>>> d.data, gradient(d, [x])[0].data
(12.0, 12.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import short
from engine.formula import Formula, fold
from engine.graph import topological
from engine.ieee import FLOATS, elementwise, evaluate
from engine.ops import TABLE
from engine.recording import check_fresh, quietly
from engine.source import steep
from engine.value import CONSTANT, Value


def gradient(y: Value, xs: Sequence[Value]) -> list[Value]:
    """dy/dx for every x in `xs`, each a Value that can be differentiated again.

    The adjoint of a node is a dot product: the partials of its uses times the adjoints of its users
    (LEC-12). Raises StaleGraph if a leaf was changed after recording, ValueError for an x that y does
    not depend on.

    >>> w, x = Value(3.0), Value(-2.0)
    >>> dw, dx = gradient((w * x).tanh(), [w, x])
    >>> round(dw.data / dx.data, 6) == round(x.data / w.data, 6)
    True
    """
    if y.__class__ is not Value or xs.__class__ is Value:
        raise TypeError(f"gradient takes a Value and a list of Values, gradient(y, [x]), not {short(y)} and {short(xs)}")
    check_fresh(y)
    nodes = topological(y)
    live, known = set(xs), set(nodes)
    if strangers := [x for x in xs if x not in known]:
        raise ValueError(f"gradient: {strangers[0]!r} is not in the graph of {y!r}; did you rebuild the expression?")
    for n in nodes:
        if n not in live and any(p in live for p in n._values()):
            live.add(n)
    terms: dict[Value, list[tuple[Any, Any]]] = {n: [] for n in live}
    adjoints: dict[Value, Any] = {}
    for n in reversed(nodes):
        if n not in live:
            continue
        g = adjoints[n] = 1.0 if n is y else _sum_of_products(terms.pop(n))
        if g.__class__ is Value and g.label is None and n.label is not None and y.label is not None:
            g.label = f"d{y.label}/d{n.label}"
        if n.op is not None:
            for p, d, is_steep in _edges(n, live):
                terms[p].append((_read("azmul", d, g), 1.0) if is_steep else (d, g))
    return [g if g.__class__ is Value else Value(g) for g in (adjoints.get(x, 0.0) for x in xs)]


def _edges(n: Value, live: set[Value]) -> list[tuple[Value, Any, bool]]:
    """The edges of `n` towards nodes that matter: argument, partial as a Value or number, whether it is steep."""
    row: Any = n.op
    groups = n._groups()
    symbols: dict[str, Any] = {"y": n}
    for s, g, vector in zip(row.args, groups, row.vector, strict=True):
        plain = [p.data if p.__class__ is Value and p.label is CONSTANT else p for p in g]
        symbols[s] = plain if vector else plain[0]
    memo: dict[Formula, Any] = {}
    edges = []
    for g, f in zip(groups, row.partials, strict=True):
        if any(p in live for p in g if p.__class__ is Value):
            slopes = fold(f, symbols, elementwise(_read), memo=memo)
            for k, p in enumerate(g):
                d = slopes[k] if slopes.__class__ is list else slopes
                if p in live and not (d.__class__ is float and d == 0.0):  # a zero by the row, not by chance
                    edges.append((p, d, steep(f)))
    return edges


def _read(op: str, *args: Any) -> Any:
    """The reader that reads a formula as a graph: numbers are folded, exact products by 1 left out."""
    if op in ("total", "largest"):
        (xs,) = args
        if any(p.__class__ is Value for p in xs):
            return quietly(TABLE[op], xs)
        return FLOATS[op](xs)
    if not any(p.__class__ is Value for p in args):
        row = TABLE.get(op)
        if row is None or (row.elementary and op in FLOATS):
            return FLOATS[op](*args)
        return evaluate(row.value, dict(zip(row.args, args, strict=True)))
    if op == "where" and args[0].__class__ is not Value:
        return args[1] if args[0] else args[2]
    if op == "mul" and 1.0 in (p for p in args if p.__class__ is float):
        return args[1] if args[0].__class__ is float else args[0]
    return quietly(TABLE[op], *args)


def _sum_of_products(terms: list[tuple[Any, Any]]) -> Any:
    if not terms:
        return 0.0
    if len(terms) == 1:
        return _read("mul", *terms[0])
    partials, adjoints = zip(*terms, strict=True)
    if not any(p.__class__ is Value for p in (*partials, *adjoints)):
        return FLOATS["total"]([d * g for d, g in terms])
    return quietly(TABLE["dot"], partials, adjoints)
