"""The terms of a gradient: one for each use of a node, one for each path from it to the root."""

from __future__ import annotations

import heapq
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

from engine.errors import short
from engine.explain.cone import Cone, Edge
from engine.explain.notation import Label, Notes, labels
from engine.explain.writing import Text, full, signed
from engine.label import Role
from engine.value import Value


SHOWN_TERMS = 20  # rows of a table that are printed
MOST_PASSED = 10  # nodes between the ends of a path that are printed


class Term(NamedTuple):
    """What one use adds to a gradient: the local partial times the gradient of the user."""

    user: Value
    position: int  # which argument of the user it is
    partial: float  # d user / d node on this edge alone
    gradient: float  # d root / d user
    product: float


class Contributions(tuple[Term, ...]):
    """The terms of d root / d node, one for each use; `total` is their sum.

    The root itself has no uses: its gradient is 1.
    """

    node: Value
    root: Value
    total: float
    _names: dict[Value, str]

    def __new__(cls, cone: Cone) -> Contributions:
        terms = super().__new__(cls, (_term(e, cone.adjoint[e.user]) for e in cone.uses[cone.node]))
        terms.node, terms.root, terms.total = cone.node, cone.root, cone.adjoint[cone.node]
        terms._names = _names(cone, [cone.node, cone.root, *(t.user for t in terms)])
        return terms

    def __repr__(self) -> str:
        root, node = self._names[self.root], self._names[self.node]
        lines = [f"d{root}/d{node} = {full(self.total)}, {counted(len(self), 'use')}"]
        if self:
            shown, rest = largest_first(self, [t.product for t in self], SHOWN_TERMS)
            rows = [(self._names[t.user], full(t.partial), full(t.gradient), signed(t.product)) for t in shown]
            rows.insert(0, ("user", "partial", f"d{root}/duser", "product"))
            if rest:
                rows.append((f"… {rest.count} more", "", "", signed(rest.total)))
            rows.append(("sum", "", "", signed(self.total)))
            lines += aligned(rows, (" ", " × ", " = "))
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        root, node = (escaped(self._names[v]) for v in (self.root, self.node))
        lines = ["| user | partial | | gradient of the user | | product |", "|:--|--:|:-:|--:|:-:|--:|"]
        shown, rest = largest_first(self, [t.product for t in self], SHOWN_TERMS)
        for t in shown:
            numbers = f"{full(t.partial)} | × | {full(t.gradient)} | = | {signed(t.product)}"
            lines.append(f"| {escaped(self._names[t.user])} | {numbers} |")
        if rest:
            lines.append(f"| … {rest.count} more | | | | = | {signed(rest.total)} |")
        lines.append(f"| **d{root}/d{node}** | | | | = | **{signed(self.total)}** |")
        return "\n".join(lines)


def _term(e: Edge, gradient: float) -> Term:
    return Term(e.user, e.position, float(e.partial), gradient, e.partial * gradient)


def contributions(node: Value, root: Value) -> Contributions:
    """One row for each use of `node`: the user, the local partial, the user's gradient, their product.

    The products add up to d root / d node (LEC-12). They come from the recorded partials by an adjoint
    pass of their own; `.grad` is neither read nor changed. Raises ValueError for a node that is not in
    the graph of `root`, StaleGraph if a leaf was changed after the graph was recorded.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> d, e = a * b, b + 4
    >>> d.label, e.label = "d", "e"
    >>> contributions(b, d * e)
    dy/db = -4.000000, 2 uses
      user  partial ×  dy/duser =   product
      d    2.000000 ×  1.000000 = +2.000000
      e    1.000000 × -6.000000 = -6.000000
      sum                         -4.000000
    """
    return Contributions(Cone(node, root, "contributions"))


# ---- paths --------------------------------------------------------------------------------------


class Path(NamedTuple):
    """One way from a node to the root: the nodes it passes, its edges, and the product of their partials."""

    nodes: tuple[Value, ...]
    edges: tuple[Edge, ...]
    product: float

    @property
    def factors(self) -> tuple[float, ...]:
        """The partial of each edge, from the node to the root."""
        return tuple(float(e.partial) for e in self.edges)


class Paths(tuple[Path, ...]):
    """The paths of largest magnitude, in that order; `count` is how many there are in all."""

    node: Value
    root: Value
    count: int
    ways: tuple[tuple[str, ...], ...]  # each path in names
    _ends: tuple[str, str]

    def __new__(cls, cone: Cone, k: int) -> Paths:
        paths = super().__new__(cls, best_paths(cone, k))
        paths.node, paths.root, paths.count = cone.node, cone.root, count_paths(cone)
        shown = [way(p.nodes) for p in paths]
        names = _names(cone, [cone.node, cone.root, *(v for w in shown for v in w if isinstance(v, Value))])
        paths.ways = tuple(
            tuple(names[v] if v is cone.node or v is cone.root else _passed(v, names) for v in w) for w in shown
        )
        paths._ends = names[cone.node], names[cone.root]
        return paths

    def __repr__(self) -> str:
        shown = f", the {len(self)} largest" if len(self) < self.count else ""
        head = f"{counted(self.count, 'path')} from {self._ends[0]} to {self._ends[1]}{shown}"
        width = max((len(signed(p.product)) for p in self), default=0)
        lines = [f"  {signed(p.product).rjust(width)}  {' → '.join(w)}" for p, w in zip(self, self.ways, strict=True)]
        return "\n".join([head, *(s for line in lines for s in wrap(line, 100, subsequent_indent=" " * (width + 6)))])

    def _repr_markdown_(self) -> str:
        rows = [f"| {escaped(' → '.join(w))} | {signed(p.product)} |" for p, w in zip(self, self.ways, strict=True)]
        return "\n".join([f"| {counted(self.count, 'path')} | product |", "|:--|--:|", *rows])


def way(nodes: Sequence[Value]) -> list[Value | str]:
    """What is shown of a path: of a network one node for each unit, and not the middle of a long one."""
    units = {id(v): v.label.unit for v in nodes[1:-1] if isinstance(v.label, Role) and v.label.kind in ("net", "o")}
    passed: list[Value | str] = []
    before = None
    for v in nodes[1:-1]:
        if (not units or v.label is not None) and (unit := units.get(id(v), id(v))) != before:
            passed.append(v)
            before = unit
    if len(passed) > MOST_PASSED + 1:
        passed[MOST_PASSED // 2 : -(MOST_PASSED // 2)] = [f"… {len(passed) - MOST_PASSED} more …"]
    return [nodes[0], *passed, *nodes[1:][-1:]]


def _passed(v: Value | str, names: Mapping[Value, str]) -> str:
    """The name of a node on a path; of a unit's net and output the unit."""
    if isinstance(v, str):
        return v
    return v.label.unit if isinstance(v.label, Role) and v.label.kind in ("net", "o") else names[v]


def top_paths(node: Value, root: Value, k: int = 8) -> Paths:
    """The `k` paths from `node` to `root` whose products are largest in magnitude, and the number of all.

    Nothing is enumerated: the bound on what a path can still become is exact, so that only the best are
    ever followed to their end, and paths are counted node by node. Raises ValueError for a node that is
    not in the graph of `root`, StaleGraph if a leaf was changed after the graph was recorded.

    >>> x = y = Value(1.5, "x")
    >>> for _ in range(40):
    ...     y = y * 0.5 + y * 0.25
    >>> paths = top_paths(x, y, k=2)
    >>> paths.count == 2**40, paths[0].product == 0.5**40, paths[1].product == 0.5**39 * 0.25
    (True, True, True)
    """
    if k.__class__ is not int or k < 1:
        raise ValueError(f"top_paths: k must be a whole number, at least 1, not {short(k)}")
    return Paths(Cone(node, root, "top_paths"), k)


def best_paths(cone: Cone, k: int) -> list[Path]:
    """The `k` best paths, best first: of the beginnings at hand the one with the largest bound grows on."""
    bound = bounds(cone)
    place = {n: i for i, n in enumerate(cone.order)}
    tick = itertools.count()
    # a beginning: minus its bound; among equals the one nearest to the root; then the first made
    heap: list[Any] = [(-bound[cone.node], -place[cone.node], next(tick), cone.node, 1.0, None)]
    found: list[Path] = []
    while heap and len(found) < k:
        _, _, _, end, size, way = heapq.heappop(heap)
        if end is cone.root:
            found.append(_path(cone.node, way))
            continue
        for e in cone.uses[end]:
            grown = times(size, magnitude(e.partial))
            item = (-times(grown, bound[e.user]), -place[e.user], next(tick), e.user, grown, (e, way))
            heapq.heappush(heap, item)
    return found


def bounds(cone: Cone) -> dict[Value, float]:
    """The largest magnitude of a product of partials from each node to the root."""
    bound = {cone.root: 1.0}
    for n in reversed(cone.order):
        for e in cone.uses[n]:
            bound[n] = max(bound.get(n, 0.0), times(magnitude(e.partial), bound[e.user]))
    return bound


def magnitude(x: float) -> float:
    """The size of a partial; of NaN infinite, so that its paths come first."""
    return abs(x) if x == x else math.inf


def times(p: float, q: float) -> float:
    """A product of sizes, where zero ends a path whatever else is on it."""
    return p * q if p and q else 0.0


def _path(node: Value, way: Any) -> Path:
    edges: list[Edge] = []
    product = 1.0
    while way:  # from the root down, as the chain rule multiplies
        e, way = way
        edges.append(e)
        product = e.partial * product
    edges.reverse()
    return Path((node, *(e.user for e in edges)), tuple(edges), product)


def count_paths(cone: Cone) -> int:
    """How many paths lead from the node to the root; a count is forgotten once it was passed on."""
    count = {cone.node: 1}
    for n in cone.order[:-1]:
        paths = count.pop(n)
        for e in cone.uses[n]:
            count[e.user] = count.get(e.user, 0) + paths
    return count[cone.root]


# ---- tables -------------------------------------------------------------------------------------


class Rest(NamedTuple):
    """What is not shown of a long sum."""

    count: int
    total: float


def largest_first(items: Sequence[Any], sizes: Sequence[float], most: int) -> tuple[list[Any], Rest | None]:
    """All items as they come if they are at most `most`; else the largest, and the rest added up."""
    if len(items) <= most:
        return list(items), None
    order = sorted(range(len(items)), key=lambda i: -magnitude(sizes[i]))
    total = 0.0
    for i in sorted(order[most:]):
        total += sizes[i]
    return [items[i] for i in order[:most]], Rest(len(items) - most, total)


def aligned(rows: Sequence[Sequence[str]], gaps: Sequence[str]) -> list[str]:
    """Rows as lines of a table, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        line = row[0].ljust(widths[0])
        for k, cell in enumerate(row[1:], 1):
            gap = gaps[k - 1] if cell and (k == 1 or row[k - 1]) else " " * len(gaps[k - 1])
            line += gap + cell.rjust(widths[k])
        lines.append("  " + line.rstrip())
    return lines


def counted(n: int, what: str) -> str:
    """A number of things; above a billion billions about how many.

    >>> counted(1, "path"), counted(1048576, "path"), counted(2**100_000, "path")
    ('1 path', '1,048,576 paths', 'about 10^30103 paths')
    """
    number = f"{n:,}" if n < 10**18 else f"about 10^{round(math.log10(n))}"
    return f"{number} {what}{'s' * (n != 1)}"


def escaped(s: str) -> str:
    r"""A name or a sentence for Markdown, where no sign of it means anything.

    >>> print(escaped("w_h1,x2 | <b>"))
    w\_h1,x2 \| \<b\>
    """
    return re.sub(r"([\\`*_{}\[\]<>#|~$&!])", r"\\\1", s)


def _names(cone: Cone, nodes: Iterable[Value]) -> dict[Value, str]:
    found: dict[Value, Label] = labels(cone.nodes, cone.root)
    text = Text(Notes(None))
    return {v: text.name(found[v]) for v in nodes}
