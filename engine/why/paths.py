"""The paths of a gradient: d root / d node is the sum over all of them of the product of the partials."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

from engine.label import Role
from engine.value import Value
from engine.whole import counted, whole
from engine.why.cone import Cone, Edge
from engine.why.digits import escaped, signed
from engine.why.notation import Notes, labels
from engine.why.pens import Text


MOST_PASSED = 10  # nodes between the ends of a path that are printed


class Path(NamedTuple):
    """One way from a node to the root: the nodes it passes, its edges, and the product of their partials."""

    nodes: tuple[Value, ...]
    edges: tuple[Edge, ...]
    product: float

    @property
    def factors(self) -> tuple[float, ...]:
        """The partial of each edge, from the node to the root."""
        return tuple(float(e.partial) for e in self.edges)


class Paths:
    """The paths of largest magnitude, a sequence in that order; `count` is how many there are in all.

    `ways` are the same paths in names: of a network the units that are passed.
    """

    def __init__(self, cone: Cone, k: int) -> None:
        self.node, self.root = cone.node, cone.root
        self.count = count_paths(cone)
        self._paths = tuple(best_paths(cone, k))
        found, text = labels(cone.nodes, cone.root), Text(Notes(None))
        ends = {v: text.name(found[v]) for v in (cone.node, cone.root)}
        units = {v: unit for v in found if (unit := unit_of(v)) and v not in ends}
        ways = [way(p.nodes, units) for p in self._paths]
        names = {v: units.get(v) or text.name(found[v]) for w in ways for v in w if isinstance(v, Value)} | ends
        self.ways = tuple(tuple(v if isinstance(v, str) else names[v] for v in w) for w in ways)
        self._head = f"from {ends[cone.node]} to {ends[cone.root]}"

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths)

    def __getitem__(self, i: int) -> Path:
        return self._paths[i]

    def __repr__(self) -> str:
        shown = f", the {len(self)} largest" if len(self) < self.count else ""
        width = max(len(signed(p.product)) for p in self)
        rows = [f"  {signed(p.product).rjust(width)}  {' → '.join(w)}" for p, w in zip(self, self.ways, strict=True)]
        lines = [line for row in rows for line in wrap(row, 100, subsequent_indent=" " * (width + 6))]
        return "\n".join([f"{counted(self.count, 'path')} {self._head}{shown}", *lines])

    def _repr_markdown_(self) -> str:
        rows = [f"| {escaped(' → '.join(w))} | {signed(p.product)} |" for p, w in zip(self, self.ways, strict=True)]
        return "\n".join([f"| {counted(self.count, 'path')} | product |", "|:--|--:|", *rows])


def unit_of(v: Value) -> str:
    """The unit whose net or output a node is; nothing for any other node."""
    return v.label.unit if isinstance(v.label, Role) and v.label.kind in ("net", "o") else ""


def way(nodes: Sequence[Value], units: Mapping[Value, str]) -> list[Value | str]:
    """What is shown of a path: of a network one node for each unit; of a long path not the middle."""
    between = nodes[1:-1]
    network = any(v in units for v in between)
    passed: list[Value | str] = []
    before = None
    for v in between:
        here = units.get(v, id(v))
        if here != before and not (network and v.label is None):
            passed.append(v)
            before = here
    if len(passed) > MOST_PASSED + 1:
        passed[MOST_PASSED // 2 : -(MOST_PASSED // 2)] = [f"… {len(passed) - MOST_PASSED} more …"]
    return [nodes[0], *passed, *nodes[1:][-1:]]


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
    k = whole("top_paths: k", k)
    return Paths(Cone(node, root, "top_paths"), k)


def best_paths(cone: Cone, k: int) -> Iterator[Path]:
    """The `k` best paths, best first: of all beginnings the one that can become the largest grows on."""
    bound = bounds(cone)
    place = {n: i for i, n in enumerate(cone.order)}
    tick = itertools.count()
    # a beginning: minus its bound; among equals the one nearest to the root, then the first made
    heap: list[Any] = [(-bound[cone.node], -place[cone.node], next(tick), cone.node, 1.0, None)]
    while heap and k:
        _, _, _, end, size, passed = heapq.heappop(heap)
        if end is cone.root:
            yield path(cone.node, passed)
            k -= 1
        for e in cone.uses[end]:
            grown = times(size, magnitude(e.partial))
            most = times(grown, bound[e.user])
            heapq.heappush(heap, (-most, -place[e.user], next(tick), e.user, grown, (e, passed)))


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


def path(node: Value, passed: Any) -> Path:
    """The path that was `passed`: pairs of the last edge and what was passed before it."""
    edges: list[Edge] = []
    product = 1.0
    while passed:  # from the root down, as the chain rule multiplies
        e, passed = passed
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
