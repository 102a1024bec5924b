"""The terms of a gradient: one for each use of a node, the local partial times the user's gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from engine.value import Value
from engine.whole import counted
from engine.why.cone import Cone, Edge
from engine.why.digits import escaped, full, signed
from engine.why.notation import Notes, labels
from engine.why.pens import Text


SHOWN = 20  # rows of a table that are printed


class Term(NamedTuple):
    """What one use adds to a gradient."""

    user: Value
    position: int  # which argument of the user it is
    partial: float  # d user / d node on this edge alone
    gradient: float  # d root / d user
    product: float


class Contributions:
    """The terms of d root / d node, a sequence with one for each use; `total` is their sum.

    The root itself has no uses: its gradient is 1.
    """

    def __init__(self, cone: Cone) -> None:
        self.node, self.root, self.total = cone.node, cone.root, cone.adjoint[cone.node]
        self._terms = tuple(term(e, cone.adjoint[e.user]) for e in cone.uses[cone.node])
        found, text = labels(cone.nodes, cone.root), Text(Notes(None))
        self._names = {v: text.name(found[v]) for v in (cone.node, cone.root, *(t.user for t in self._terms))}

    def __len__(self) -> int:
        return len(self._terms)

    def __iter__(self) -> Iterator[Term]:
        return iter(self._terms)

    def __getitem__(self, i: int) -> Term:
        return self._terms[i]

    def __repr__(self) -> str:
        root, node = self._names[self.root], self._names[self.node]
        head = f"d{root}/d{node} = {full(self.total)}, {counted(len(self), 'use')}"
        if not self._terms:
            return head
        shown, rest = self._shown()
        rows = [("user", "partial", f"d{root}/duser", "product")]
        rows += [(self._names[t.user], full(t.partial), full(t.gradient), signed(t.product)) for t in shown]
        rows += [(f"… {rest.more} more", "", "", signed(rest.total))] if rest else []
        return "\n".join([head, *columns([*rows, ("sum", "", "", signed(self.total))])])

    def _repr_markdown_(self) -> str:
        root, node = (escaped(self._names[v]) for v in (self.root, self.node))
        shown, rest = self._shown()
        lines = ["| user | partial | | gradient of the user | | product |", "|:--|--:|:-:|--:|:-:|--:|"]
        for t in shown:
            numbers = f"{full(t.partial)} | × | {full(t.gradient)} | = | {signed(t.product)}"
            lines.append(f"| {escaped(self._names[t.user])} | {numbers} |")
        if rest:
            lines.append(f"| … {rest.more} more | | | | = | {signed(rest.total)} |")
        return "\n".join([*lines, f"| **d{root}/d{node}** | | | | = | **{signed(self.total)}** |"])

    def _shown(self) -> tuple[list[Term], Rest | None]:
        return largest_first(self._terms, [t.product for t in self._terms], SHOWN)


def term(e: Edge, gradient: float) -> Term:
    """What an edge adds, where its upper end has this gradient."""
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
      user   partial ×  dy/duser =   product
      d     2.000000 ×  1.000000 = +2.000000
      e     1.000000 × -6.000000 = -6.000000
      sum                          -4.000000
    """
    return Contributions(Cone(node, root, "contributions"))


class Rest(NamedTuple):
    """What is not shown of a long sum: how many terms, and what they add up to."""

    more: int
    total: float


def largest_first(items: Sequence[Any], sizes: Sequence[float], most: int) -> tuple[list[Any], Rest | None]:
    """All items as they come if they are at most `most`; else the largest, and the rest added up."""
    if len(items) <= most:
        return list(items), None
    order = sorted(range(len(items)), key=lambda i: (sizes[i] == sizes[i], -abs(sizes[i])))  # NaN before all
    total = 0.0
    for i in sorted(order[most:]):
        total += sizes[i]
    return [items[i] for i in order[:most]], Rest(len(items) - most, total)


def columns(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """The rows user, partial × gradient = product as aligned lines; the signs only where there are both numbers."""
    u, p, g, q = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        f"  {user.ljust(u)}  {partial.rjust(p)} {'×' if gradient else ' '} {gradient.rjust(g)} "
        f"{'=' if gradient else ' '} {product.rjust(q)}"
        for user, partial, gradient, product in rows
    ]
