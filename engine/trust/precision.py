"""precision_report: how many digits the floats of a graph keep.

The graph is read again in fifty digits; what a float and its long twin have in common are the digits
kept. Beside it stands what the printed form of a partial would have kept, where the row computes
another: y(1 - y) has no digits left where sigmoid has become 1.

>>> from engine import Value
>>> print(precision_report(Value(40.0, "net").sigmoid()))
digits kept  data  digits      gradient  digits  partial, computed and shown
sigmoid         1    17.4             1     all  y*(1 - y): 16.7, as shown 0.0
net            40     all  4.248354e-18    16.7
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from engine.errors import short
from engine.formula import Formula, each, text
from engine.graph import topological
from engine.naming import name
from engine.recording import check_fresh
from engine.trust.reevaluate import live, read_arguments, reevaluate
from engine.trust.systems import FLOAT, Refused, System
from engine.value import Value
from engine.whole import counted


HEAD = ("digits kept", "data", "digits", "gradient", "digits", "partial, computed and shown")
ALL = math.inf  # the digits of a float that is exactly right


class Partial(NamedTuple):
    """A partial whose printed form is not the computed one, and the digits that each keeps."""

    formula: Formula
    computed: float
    shown: float


class Kept(NamedTuple):
    """A node, and how many digits are right of its data, of its gradient, and of its partials."""

    node: Value
    data: float
    data_digits: float
    gradient: float
    gradient_digits: float
    partials: tuple[Partial, ...]

    @property
    def worst(self) -> tuple[float, float]:
        """What the report is sorted by: the fewest digits that are kept, then those that were saved."""
        kept = min(self.data_digits, self.gradient_digits, *(p.computed for p in self.partials), ALL)
        return kept, min((p.shown for p in self.partials), default=ALL)


class Precision:
    """The report: `nodes`, worst first; printed it is a table of the worst twenty."""

    rows = 20

    def __init__(self, nodes: list[Kept]) -> None:
        self.nodes = tuple(nodes)

    def __getitem__(self, n: Value) -> Kept:
        """What is kept of one node."""
        return next(k for k in self.nodes if k.node is n)

    def __repr__(self) -> str:
        worst = _digits(self.nodes[0].worst[0])
        return f"<precision of {counted(len(self.nodes), 'node')}: {worst} digits kept at worst, at {name(self.nodes[0].node)}>"

    def __str__(self) -> str:
        cells = [HEAD, *map(_cells, self.nodes[: self.rows])]
        widths = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, 5)), row[5]]).rstrip()
            for row in cells
        ]
        if rest := self.nodes[self.rows :]:
            lines.append(f"... and {counted(len(rest), 'more node')}, which keep {_digits(rest[0].worst[0])} digits or more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [*map(_cells, self.nodes)]
        return import_module("engine.view.display").report_html(repr(self)[1:-1], HEAD, rows)  # type: ignore[no-any-return]


def precision_report(root: Value, digits: int = 50) -> Precision:
    """How many digits the data and the gradient of every node below `root` keep, against so many `digits`.

    Leaves and constants are taken as the floats that they are; the gradients are those of `root`. Needs
    mpmath. Raises StaleGraph if a leaf was changed, ValueError where an operation is known in floats only.

    >>> x = Value(1e-9, "x")
    >>> precision_report((1 + x) - 1)
    <precision of 3 nodes: 7.1 digits kept at worst, at sub>
    """
    if root.__class__ is not Value:
        raise TypeError(f"precision_report reads the graph of a Value, not {short(root)}")
    check_fresh(root)
    true, floats = reevaluate(root, "mpmath", digits=digits), reevaluate(root, float)
    nodes = [
        Kept(
            n,
            n.data,
            kept(n.data, true.values.get(n)),
            floats.gradients[n],
            kept(floats.gradients[n], true.gradients.get(n)),
            tuple(_partials(n, true.system)),
        )
        for n in topological(root)
    ]
    return Precision(sorted(nodes, key=lambda n: n.worst))


def kept(x: float, true: Any) -> float:
    """How many decimal digits of `x` are right: -log10 of the relative error, infinite for an exact float.

    >>> from engine.trust.systems import many_digits
    >>> round(kept(3.14159, many_digits(30).number("3.14159265358979323846")), 1), kept(2.0, 2)
    (6.1, inf)
    """
    if true is None or not math.isfinite(x):
        return ALL if true is not None and (x == true or (x != x and true != true)) else 0.0
    if x == true:
        return ALL
    error = abs((true - x) / true) if true else math.inf
    return max(0.0, -float(math.log10(error))) if error else ALL


def _partials(n: Value, system: System) -> Iterator[Partial]:
    """The digits of the partials that are computed otherwise than they are shown, at the recorded arguments."""
    if n.op is None or not any(_is_written(f) for f in n.op.partials):
        return
    true, floats = _symbols(n, system), _symbols(n, FLOAT)
    for f, group in zip(n.op.partials, n._groups(), strict=True):
        if _is_written(f) and any(map(live, group)):
            exact = _listed(system.evaluate(f, true), len(group))
            yield Partial(
                f,
                _fewest(_listed(FLOAT.evaluate(f, floats), len(group)), exact),
                _fewest(_listed(FLOAT.evaluate(f, floats, shown=True), len(group)), exact),
            )


def _is_written(f: Formula) -> bool:
    return any(g.op == "written" for g in each(f))


def _symbols(n: Value, system: System) -> dict[str, Any]:
    row: Any = n.op
    symbols = read_arguments(n, system, {p: system.convert(p.data) for p in n._values()})
    return {**symbols, "y": system.evaluate(row.value, symbols)}


def _listed(d: Any, size: int) -> list[Any]:
    return d if isinstance(d, list) else [d] * size


def _fewest(floats: list[Any], true: list[Any]) -> float:
    pairs = zip(floats, true, strict=True)
    return min(0.0 if x.__class__ is Refused else kept(x, None if t.__class__ is Refused else t) for x, t in pairs)


# ---- the table ----------------------------------------------------------------------------------


def _cells(k: Kept) -> tuple[str, ...]:
    lost = [
        f"{text(p.formula)}: {_digits(p.computed)}, as shown {_digits(p.shown)}"
        for p in k.partials
        if p.shown < p.computed - 0.5
    ]
    data, gradient = (f"{x:.7g}" for x in (k.data, k.gradient))
    return name(k.node), data, _digits(k.data_digits), gradient, _digits(k.gradient_digits), "; ".join(lost)


def _digits(d: float) -> str:
    return "all" if d == ALL else f"{d:.1f}"
