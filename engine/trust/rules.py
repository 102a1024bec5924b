"""The rule of a row at a point: each of its partials beside the measured slope of its value.

>>> from engine.ops import TABLE
>>> [f.verdict for f in check_row(TABLE["maximum"], {"a": 3.0, "b": 3.0})]
['kink', 'kink']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from engine.formula import Formula, text
from engine.ieee import value_and_partials
from engine.naming import called
from engine.ops import Row
from engine.trust.reevaluate import live
from engine.trust.slopes import Slopes, Way, measure
from engine.trust.systems import FLOAT, Refused, System, many_digits
from engine.value import Value


SMALLEST = 1e-300  # below it floats lose digits, then everything
ELEMENTS = 16  # of a long vector as many are measured, evenly spread


class Finding(NamedTuple):
    """What one partial of a row is, and what the slope is at that point.

    `verdict` is agrees, differs, kink (the slopes on both sides differ), edge (there is one side only,
    and the partial is its limit) or unjudged (the row has no value beside the point).
    """

    verdict: str
    row: Row
    symbol: str  # of the argument, with its index in a vector
    formula: Formula
    analytic: float
    slopes: Slopes
    way: str
    node: Value | None = None
    remark: str = ""

    @property
    def numeric(self) -> float | None:
        """The measured slope."""
        n = self.slopes.number
        return None if n is None else float(n)

    @property
    def where(self) -> str:
        """The node, or the row alone."""
        return self.row.name if self.node is None else called(self.node)

    @property
    def what(self) -> str:
        """The partial, its number and the measured slope, in some lines."""
        lines = [f"dy/d{self.symbol} = {text(self.formula)}"]
        if self.verdict == "kink":
            lines.append(f"kink: {self.slopes.sides}; analytic {self.analytic:.9g}")
        elif self.numeric is None:
            lines.append(f"analytic {self.analytic:.12g}, no slope to compare it with")
        else:
            lines.append(f"analytic {self.analytic:.12g}   numeric {self.numeric:.12g}   by {self.way}")
        return "\n  ".join(lines + [self.remark] * bool(self.remark))

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def mend(analytic: float, numeric: float) -> str:
    """What would make the analytic number the numeric one.

    >>> mend(-4.0, 2.0), mend(1.000001, 1.0)
    ('analytic is 2.000000 times the numeric, with the wrong sign', 'analytic is 1.000001 times the numeric')
    """
    if analytic - analytic != 0:
        return f"analytic is {analytic}, where there is a slope"
    if numeric == 0 or analytic == 0:
        return "analytic should be 0" if numeric == 0 else "analytic is 0: a term or a factor is missing"
    ratio = abs(analytic / numeric)
    if abs(ratio - 1) < 1e-9:
        return "analytic has the wrong sign"
    shown = f"{ratio:.6f}" if 1e-3 < ratio < 1e6 and abs(ratio - 1) > 1e-6 / 2 else f"{ratio:.12g}"
    return f"analytic is {shown} times the numeric" + ", with the wrong sign" * (analytic * numeric < 0)


def check_node(n: Value) -> list[Finding]:
    """A finding for each argument of node `n` that can have a gradient, from the partials as recorded."""
    row: Any = n.op
    args: dict[str, Any] = {}
    recorded: dict[tuple[str, int], float] = {}
    for s, g, d, vector in zip(row.args, n._groups(), n._slopes(), row.vector, strict=True):
        args[s] = [_data(p) for p in g] if vector else _data(g[0])
        recorded.update({(s, k): float(d[k]) for k, p in enumerate(g) if d is not None and live(p)})
    return [f._replace(node=n) for f in check_row(row, args, recorded)]


def _data(p: Any) -> float:
    return float(p.data if p.__class__ is Value else p)


def check_row(
    row: Row, args: Mapping[str, Any], recorded: Mapping[tuple[str, int], float] | None = None
) -> list[Finding]:
    """A finding for each argument of a row at `args` (numbers, lists for vectors).

    A partial is read in the same numbers as the slope is measured in, so that the rule is judged, not
    how many digits floats keep of it. The partials that were `recorded`, by symbol and index, are
    compared with their formulas too; arguments that are not among them are left out.
    """
    y, partials = value_and_partials(row, args)
    point = _Point(row, args)
    findings = []
    for s, f, d in zip(row.args, row.partials, partials, strict=True):
        every = range(len(args[s]) if isinstance(args[s], list) else 1)
        for k in every[:: -(-len(every) // ELEMENTS)]:
            by_formula = d[k] if isinstance(d, list) else d
            analytic = by_formula if recorded is None else recorded.get((s, k))
            if analytic is None:
                continue
            slopes, way = measure(partial(point.value, s, k), point.number(s, k))
            verdict = "differs"
            if not math.isfinite(y):
                verdict = "unjudged"
            elif same(analytic, by_formula):
                verdict = judged(*point.partial(way, f, k), slopes, way.error)
            symbol = f"{s}[{k}]" if isinstance(args[s], list) else s
            finding = Finding(verdict, row, symbol, f, analytic, slopes, way.name)
            findings.append(finding._replace(remark=_remark(finding, by_formula)))
    return findings


def same(p: float, q: float) -> bool:
    """Whether two floats are one but for a few roundings."""
    return p == q or (p != p and q != q) or abs(p - q) <= 1e-13 * max(abs(p), abs(q)) + SMALLEST


def judged(d: Any, slack: Any, slopes: Slopes, error: float) -> str:
    """The verdict on a partial `d`, known but for `slack`, beside the slopes, known but for a relative `error`."""
    n = slopes.number
    if n is None or d.__class__ is Refused:
        return "unjudged"
    if d != d:
        return "differs"
    if slopes.kind == "kink":
        return "kink"
    if d - d == 0 and abs(d - n) <= error * max(abs(d), abs(n)) + slack + 8 * slopes.noise + SMALLEST:
        return "agrees"
    if slopes.kind == "edge" and slopes.far is not None and d * n >= 0:
        nearer = abs(n) > 2 * abs(slopes.far) if d - d != 0 else abs(n - d) < abs(slopes.far - d) / 2
        return "edge" if nearer else "differs"
    return "differs"


def _remark(f: Finding, by_formula: float) -> str:
    sides = f.slopes.left, f.slopes.right
    if f.verdict == "kink" and not min(sides) <= f.analytic <= max(sides):
        return "analytic lies outside of both"
    if f.verdict != "differs":
        return ""
    if not same(f.analytic, by_formula):
        return f"the partial recorded on the edge is not what its formula gives, {by_formula!r}"
    return mend(f.analytic, float(f.slopes.number))


class _Point:
    """A row at some arguments, to be read in every system."""

    def __init__(self, row: Row, args: Mapping[str, Any]) -> None:
        self.row, self.args = row, args
        self._symbols: dict[System, dict[str, Any]] = {}
        self._partials: dict[tuple[System, Formula], tuple[Any, Any]] = {}

    def number(self, s: str, k: int) -> float:
        """The number of element `k` of argument `s`, or of the argument itself."""
        x = self.args[s]
        return x[k] if isinstance(x, list) else x  # type: ignore[no-any-return]

    def value(self, s: str, k: int, system: System) -> Callable[[Any], Any]:
        """The row's value as a function of that number."""
        symbols = self.symbols(system)
        here = system.number(self.number(s, k))

        def f(x: Any) -> Any:
            if x == here:
                return symbols["y"]
            changed = [*symbols[s][:k], x, *symbols[s][k + 1 :]] if isinstance(symbols[s], list) else x
            return system.evaluate(self.row.value, {**symbols, s: changed})

        return f

    def partial(self, way: Way, f: Formula, k: int) -> tuple[Any, Any]:
        """The partial `f` in the digits of `way`, and a bound for what rounding can do to it."""
        system = many_digits(int(way.system.digits)) if way.system.digits > FLOAT.digits else FLOAT
        if (system, f) not in self._partials:
            memo: dict[Formula, Any] = {}
            d = system.evaluate(f, self.symbols(system), memo)
            largest = max((abs(p) for p in _flat(memo.values()) if p - p == 0), default=0)
            self._partials[system, f] = d, largest * 10 ** (2 - system.digits)
        d, slack = self._partials[system, f]
        return d[k] if isinstance(d, list) else d, slack

    def symbols(self, system: System) -> dict[str, Any]:
        """The arguments, and y."""
        if system not in self._symbols:
            symbols = {
                s: [*map(system.convert, x)] if isinstance(x, list) else system.convert(x) for s, x in self.args.items()
            }
            symbols["y"] = system.evaluate(self.row.value, symbols)
            self._symbols[system] = symbols
        return self._symbols[system]


def _flat(xs: Iterable[Any]) -> Iterator[Any]:
    for x in xs:
        if isinstance(x, list):
            yield from _flat(x)
        elif x.__class__ is not Refused:
            yield x
