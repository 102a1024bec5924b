"""Derivatives as graphs of Values: the table read on Values, the chain rule as n-ary dot products.

>>> from engine import Value
>>> x = Value(2.0, "x")
>>> (d,) = gradient(x**3, [x])
>>> d.data, gradient(d, [x])[0].data
(12.0, 12.0)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.errors import short
from engine.formula import REDUCTIONS, Formula, computed, each, fold
from engine.graph import topological
from engine.ieee import FLOATS, elementwise, evaluate
from engine.ops import TABLE, Row
from engine.recording import check_fresh, quietly
from engine.source import steep
from engine.value import CONSTANT, Value, tick


Number: TypeAlias = Any  # a Value; or a float, which is a constant, whatever the leaves hold
Edge: TypeAlias = tuple[Value, Number, bool]  # an argument, the partial by it, whether that can be infinite
Edges: TypeAlias = Callable[[Value, set[Value]], Iterable[Edge]]  # of a node, towards the Values in the set


def gradient(y: Value, xs: Sequence[Value]) -> list[Value]:
    """dy/dx for every x in `xs`, each a Value that can be differentiated again, to any order.

    The adjoint of a node is a dot product: the partials of its uses times the adjoints of its users
    (LEC-12), added in the order of `backward`, so that the numbers are the same. Time and memory are
    linear in the graph. Choices stay choices: the derivatives can be recomputed at other numbers.
    Raises StaleGraph if a leaf was changed after recording, ValueError for an x that y does not depend on.

    >>> w, x = Value(3.0), Value(-2.0)
    >>> dw, dx = gradient((w * x).tanh(), [w, x])
    >>> round(dw.data / dx.data, 6) == round(x.data / w.data, 6)
    True
    """
    if y.__class__ is not Value or isinstance(xs, Value) or not isinstance(xs, Iterable):
        given = f"{short(y)} and {short(xs)}"
        raise TypeError(f"gradient takes a Value and a list of Values, as in (y, [x]), not {given}")
    check_fresh(y)
    xs, known = list(xs), set(topological(y))
    if unknown := [x for x in xs if x.__class__ is not Value or x not in known]:
        where = f"not in the graph of {y!r}"
        raise ValueError(f"gradient: {short(unknown[0])} is {where}; did you rebuild the expression?")
    del known
    found = zip(xs, adjoints(y, xs), strict=True)
    return [g if g.__class__ is Value else _labelled(Value(g), y, x) for x, g in found]


# ---- the chain rule, backwards and forwards


def adjoints(y: Value, xs: Iterable[Value], edges: Edges | None = None) -> list[Number]:
    """dy/dx for every x in `xs`, unchecked: a Value, or a float where it is a constant.

    With `edges=recorded` every one is a float, made of the partials that the nodes hold.
    """
    nodes = topological(y)
    edges = edges or Reader(nodes).edges
    found: dict[Value, Number] = dict.fromkeys(xs, 0.0)
    live = depending(nodes, found)
    terms: dict[Value, list[tuple[Number, Number]]] = {y: [(1.0, 1.0)]} if y in live else {}
    begun = tick()
    for n in reversed(nodes):
        if n not in terms:
            continue
        g = sum_of_products(terms.pop(n))
        if g.__class__ is Value and g._born > begun:
            _labelled(g, y, n)
        if n in found:
            found[n] = g
        if n.op is not None and (g.__class__ is Value or g != 0.0):
            for p, d, is_steep in edges(n, live):
                term = product(d, g, is_steep)
                if p in terms:
                    terms[p].append(term)
                else:
                    terms[p] = [term]
    return [found[x] for x in xs]


def tangents(ys: Sequence[Value], along: Mapping[Value, Number], edges: Edges | None = None) -> list[Number]:
    """The velocity of every y in `ys` while the keys of `along` move with theirs; otherwise as `adjoints`.

    Arguments come first: the tangent of a node is the dot product of its partials and their tangents.
    """
    nodes = topological(*ys)
    edges = edges or Reader(nodes).edges
    live = depending(nodes, along)
    found = dict(along)
    for n in nodes:
        if n in live and n not in found:
            found[n] = sum_of_products([product(d, found[p], is_steep) for p, d, is_steep in edges(n, live)])
    return [found.get(y, 0.0) for y in ys]


def depending(nodes: Iterable[Value], xs: Iterable[Value]) -> set[Value]:
    """What depends on `xs` among `nodes`, which come arguments first; `xs` are part of it."""
    live = set(xs)
    for n in nodes:
        if n.op is not None and n not in live and not live.isdisjoint(n._values()):
            live.add(n)
    return live


def product(d: Number, g: Number, is_steep: bool) -> tuple[Number, Number]:
    """A partial and an adjoint as a term of a sum of products.

    Where the partial may be infinite and the adjoint zero, their product is a node that is zero then.
    """
    if is_steep and g.__class__ is Value and not (d.__class__ is float and math.isfinite(d)):
        return quietly(TABLE["azmul"], d, g), 1.0
    return d, g


def sum_of_products(terms: Sequence[tuple[Number, Number]]) -> Number:
    """The sum from left to right: one node, or a float if all of it is constant."""
    if not any(Value in map(type, term) for term in terms):
        return FLOATS["total"]([d * g for d, g in terms]) if terms else 0.0
    if len(terms) > 1:
        return quietly(TABLE["dot"], *zip(*terms, strict=True))
    ((d, g),) = terms
    if d.__class__ is float and d == 1.0:
        return g
    return d if g.__class__ is float and g == 1.0 else quietly(TABLE["mul"], d, g)


def _labelled(g: Value, y: Value, x: Value) -> Value:
    """`g` with the label dy/dx, if y and x have labels and it has none."""
    if g.label is None and x.label is not None and y.label is not None:
        g.label = f"d{y.label}/d{x.label}"
    return g


# ---- the partials of a node


def recorded(n: Value, live: set[Value]) -> Iterator[Edge]:
    """The edges of `n` with the partials that were recorded."""
    for g, slopes in zip(n._groups(), n._slopes(), strict=True):
        if slopes is not None:
            yield from ((p, d, False) for p, d in zip(g, slopes, strict=True) if p in live)


class Plan(NamedTuple):
    """What reading a row needs: its partials as they are computed, which are steep, the operations in them."""

    partials: tuple[Formula, ...]
    steep: tuple[bool, ...]
    operations: frozenset[str]


@functools.cache
def plan(row: Row) -> Plan:
    """The plan of `row`."""
    partials = tuple(map(computed, row.partials))
    return Plan(partials, tuple(map(steep, partials)), frozenset(g.op for f in partials for g in each(f)))


class Reader:
    """Reads the partials of nodes as graphs, over `nodes` and with as few new ones as possible.

    An operation on the same arguments is one node, made here or there before: what a partial shares with
    another, with the other outputs of a softmax, or with the expression itself is not made twice. The
    fifth derivative of 1/x has 89 nodes; without this it would have 445.
    """

    def __init__(self, nodes: Iterable[Value]) -> None:
        made = [n for n in nodes if n.op is not None]
        read = {op for row in {n.op for n in made if n.op is not None} for op in plan(row).operations}
        self._made = {_key(n.op.name, n._groups()): n for n in made if n.op is not None and n.op.name in read}

    def edges(self, n: Value, live: set[Value]) -> Iterator[Edge]:
        """The edges of `n` with their partials as Values or constants, but none where the row says zero."""
        row: Any = n.op
        groups = n._groups()
        symbols: dict[str, Any] = {"y": n}
        for s, g, vector in zip(row.args, groups, row.vector, strict=True):
            plain = [p.data if p.__class__ is Value and p.label is CONSTANT else p for p in g]
            symbols[s] = plain if vector else plain[0]
        read = elementwise(self._operation) if any(row.vector) else self._operation
        memo: dict[Formula, Any] = {}
        known = plan(row)
        for g, f, is_steep in zip(groups, known.partials, known.steep, strict=True):
            if g[0].__class__ is Value and not live.isdisjoint(g):
                slopes = fold(f, symbols, read, memo=memo)
                each_one = slopes if slopes.__class__ is list else [slopes] * len(g)
                for p, d in zip(g, each_one, strict=True):
                    if p in live and not (d.__class__ is float and d == 0.0):
                        yield p, d, is_steep

    def _operation(self, op: str, *args: Any) -> Number:
        """The reader for `fold`: numbers are folded; 1*a, -(-a), a**1 and a**0 are no new nodes."""
        if Value not in map(type, args[0] if op in REDUCTIONS else args):
            if op in FLOATS:
                return FLOATS[op](*args)
            return evaluate(TABLE[op].value, dict(zip(TABLE[op].args, args, strict=True)))
        if op == "mul" or op == "azmul":
            a, b = args
            if a.__class__ is float and a == 1.0:
                return b
            if b.__class__ is float and b == 1.0:
                return a
        elif op == "where" and args[0].__class__ is not Value:
            return args[1] if args[0] else args[2]
        elif op == "neg" and args[0].op is not None and args[0].op.name == "neg":
            return args[0]._a
        elif op == "pow" and args[1].__class__ is float and args[1] in (0.0, 1.0):
            return args[0] if args[1] else 1.0
        key = _key(op, args if op in REDUCTIONS else [args])
        if key not in self._made:
            self._made[key] = quietly(TABLE[op], *args)
        return self._made[key]


def _key(op: str, groups: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
    """What equal operations have in common; of numbers the text, so that 0.0 and -0.0 are two."""
    return (op, *[id(p) if p.__class__ is Value else repr(p) for g in groups for p in g])
