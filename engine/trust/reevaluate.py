"""A recorded graph read once more in other numbers: exactly in fractions, or with fifty digits.

>>> from engine import Value
>>> w, x = Value(0.5, "w"), Value(3.0, "x")
>>> exact = reevaluate((w * x - 1) ** 2 / 3)
>>> exact.value, exact.gradients[w]
(Fraction(1, 12), Fraction(1, 1))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

from engine.errors import short
from engine.formula import Formula
from engine.graph import topological
from engine.naming import called
from engine.source import steep
from engine.trust.steps import COMPLEX
from engine.trust.systems import FLOAT, FRACTION, Refused, System, many_digits
from engine.value import CONSTANT, Value
from engine.whole import whole


def reevaluate(
    root: Value,
    number: Any = Fraction,
    *,
    at: Mapping[Value, Any] | None = None,
    shown: bool = False,
    digits: int = 50,
) -> Reevaluated:
    """The graph below `root` evaluated from its leaves in another kind of number; the graph is not touched.

    `number` is Fraction (exact: + - * /, whole powers, and whatever only compares), mpmath.mpf or
    "mpmath" (with so many `digits`), complex or float. `at` gives nodes other numbers than they hold,
    `shown` reads the formulas as the notes print them instead of as they are computed.

    A float is taken as the binary fraction that it is: 0.1 is 3602879701896397/36028797018963968.
    Raises ValueError, naming the node, where there is no such number; ImportError without mpmath.

    >>> y = (x := Value(2.0, "x")).exp()
    >>> reevaluate(y)
    Traceback (most recent call last):
    ...
    ValueError: exp(x=2.0): exp(2) is no fraction; reevaluate(y, "mpmath") and reevaluate(y, float) have one
    >>> reevaluate(y, at={x: 0}).value, reevaluate(y, "mpmath", digits=30).value
    (Fraction(1, 1), mpf('7.3890560989306502272304274605753'))
    """
    if root.__class__ is not Value:
        raise TypeError(f"reevaluate reads the graph of a Value, not {short(root)}")
    kind = system(number, digits)
    nodes = topological(root)
    fixed = {n: kind.convert(x) for n, x in (at or {}).items()}
    known = set(nodes)
    if strangers := [n for n in fixed if n not in known]:
        raise ValueError(f"reevaluate: {strangers[0]!r} is not in the graph of {root!r}")
    result = Reevaluated(root, kind, read_nodes(nodes, kind, fixed, shown), fixed, shown)
    result.values[root]  # raises where the root has no number
    return result


def system(number: Any, digits: int = 50) -> System:
    """The system of a type: Fraction, float, complex, mpmath.mpf (or the name "mpmath").

    >>> system(int)
    Traceback (most recent call last):
    ...
    TypeError: numbers can be read as Fraction, float, complex or mpmath.mpf (or "mpmath"), not as <class 'int'>
    """
    digits = whole("digits", digits)
    known = {Fraction: FRACTION, float: FLOAT, complex: COMPLEX}
    if isinstance(number, type) and number in known:
        return known[number]
    if number == "mpmath" or getattr(number, "__module__", "").startswith("mpmath"):
        return many_digits(digits)
    raise TypeError(
        f'numbers can be read as Fraction, float, complex or mpmath.mpf (or "mpmath"), not as {short(number)}'
    )


class Numbers(dict[Value, Any]):
    """Numbers by node; asking for one that the system has not raises a ValueError that says why."""

    def __init__(self, found: Mapping[Value, Any]) -> None:
        super().__init__((n, x) for n, x in found.items() if x.__class__ is not Refused)
        self._refused = {n: x for n, x in found.items() if x.__class__ is Refused}

    def __missing__(self, n: Value) -> Any:
        if n in self._refused:
            raise _no_number(self._refused[n].at(n))
        raise KeyError(n)


class Reevaluated:
    """The numbers of a graph in another system: of every node its value, its gradient, its partials.

    >>> x = Value(0.5, "x")
    >>> y = x * x
    >>> r = reevaluate(y)
    >>> r, r.values[x], r.gradients[x], r.partials(y)
    (<reevaluated in fractions: 1/4>, Fraction(1, 2), Fraction(1, 1), (Fraction(1, 2), Fraction(1, 2)))
    """

    def __init__(
        self, root: Value, system: System, found: dict[Value, Any], fixed: Mapping[Value, Any], shown: bool
    ) -> None:
        self.root, self.system, self.shown = root, system, shown
        self._found, self._fixed = found, fixed
        self.values = Numbers(found)

    @property
    def value(self) -> Any:
        """The number of the root."""
        return self.values[self.root]

    @cached_property
    def gradients(self) -> Numbers:
        """D root / d node for every node, by an adjoint pass in this system (LEC-12)."""
        zero = self.system.number(0)
        found: dict[Value, Any] = {self.root: self.system.number(1)}
        for n in reversed(topological(self.root)):
            g = found.setdefault(n, zero)
            if n.op is not None and n not in self._fixed:
                for p, d, f in read_edges(n, self.system, self._found, self.shown):
                    term = _product(d, g, f, zero)
                    found[p] = _sum(found[p], term) if p in found else term
        return Numbers(found)

    def partials(self, n: Value) -> tuple[Any, ...]:
        """The local derivative of node `n` by each of its arguments; None for a constant."""
        edges = read_edges(n, self.system, self._found, self.shown)
        refused = next((d for _, d, _ in edges if d.__class__ is Refused), None)
        if refused is not None:
            raise _no_number(refused)
        slopes = iter([d for _, d, _ in edges])
        return tuple(next(slopes) if p.__class__ is Value else None for p in n.args)

    def __repr__(self) -> str:
        return f"<reevaluated in {self.system.name}: {self.value}>"


def _no_number(refused: Refused) -> ValueError:
    other = '; reevaluate(y, "mpmath") and reevaluate(y, float) have one' if refused.reason.endswith("is no fraction") else ""
    return ValueError(f"{called(refused.node)}: {refused.reason}{other}")


def _product(d: Any, g: Any, f: Formula, zero: Any) -> Any:
    """Partial times adjoint; an adjoint of zero contributes zero through a partial that can be infinite."""
    if g.__class__ is Refused:
        return g
    if d.__class__ is Refused:
        return d if g else zero
    if not g and d - d != 0 and steep(f):
        return zero
    return d * g


def _sum(p: Any, q: Any) -> Any:
    return p if p.__class__ is Refused else q if q.__class__ is Refused else p + q


# ---- reading a node -----------------------------------------------------------------------------


def live(p: Any) -> bool:
    """Whether an argument can have a gradient."""
    return p.__class__ is Value and p.label is not CONSTANT


def read_nodes(
    nodes: Iterable[Value], system: System, known: Mapping[Value, Any], shown: bool = False
) -> dict[Value, Any]:
    """The number of each of `nodes`, arguments first; what is `known` is taken as it is."""
    found = dict(known)
    for n in nodes:
        if n not in found:
            if n.op is None:
                y = system.convert(n.data)
            else:
                y = system.evaluate(n.op.value, read_arguments(n, system, found), shown=shown)
            found[n] = y.at(n) if y.__class__ is Refused else y
    return found


def read_arguments(n: Value, system: System, found: Mapping[Value, Any]) -> dict[str, Any]:
    """The numbers of a node's arguments under the symbols of its row: a list for a vector."""

    def read(p: Any) -> Any:
        return found[p] if live(p) else system.convert(p.data if p.__class__ is Value else p)

    row: Any = n.op
    return {
        s: [read(p) for p in g] if vector else read(g[0])
        for s, g, vector in zip(row.args, n._groups(), row.vector, strict=True)
    }


def read_edges(
    n: Value, system: System, found: Mapping[Value, Any], shown: bool = False
) -> list[tuple[Value, Any, Formula]]:
    """Each argument of a node that can have a gradient, with its partial and the formula of that partial."""
    row: Any = n.op
    symbols = {**read_arguments(n, system, found), "y": found[n]}
    memo: dict[Formula, Any] = {}
    edges = []
    for g, f in zip(n._groups(), row.partials, strict=True):
        if any(map(live, g)):
            d = system.evaluate(f, symbols, memo, shown)
            for k, p in enumerate(g):
                if live(p):
                    slope = d[k] if d.__class__ is list else d
                    edges.append((p, slope.at(n) if slope.__class__ is Refused else slope, f))
    return edges
