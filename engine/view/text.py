"""The graph in plain text: as a tree of what was made from what, and line by line in order.

Nodes without a label are called v0, v1, .. by their place in the order of the graph, as in `explain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import short as brief
from engine.formula import ATOM, CONDITION, TEXT, Phrase, writer
from engine.value import CONSTANT, Value
from engine.view.record import Edge, Node, record
from engine.whole import whole
from engine.why.digits import full, short, signed
from engine.why.notation import Notes, labels
from engine.why.pens import Ascii, Pen, Text


MOST_ARGUMENTS = 3  # of one vector that are written out
MOST_PARTIALS = 4
WIDEST = 60  # columns that a name and its formula are given
DEEPEST = 25  # levels of a tree that are indented; those below stand under each other

write = writer(TEXT)


class View(str):
    """Text that a prompt shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def tree(root: Value, *, depth: int | None = None, ascii: bool = False) -> View:  # noqa: A002 - the word for it
    """The graph as a tree with the root on top: each node, what made it, its data and its gradient.

    `partial` is d parent / d node along the branch. A node with several parents is written out where it
    comes first and only named elsewhere. `depth` is how many levels below the root are shown, `ascii`
    asks for signs that any terminal has. Gradients are those of this root; a dash before `backward()`.

    Raises TypeError for anything but a Value, StaleGraph if a leaf was changed after recording.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> y = (w * x + w).tanh()
    >>> y.backward()
    >>> tree(y)
                        data       grad   partial
    y = tanh(v3)    0.964028  +1.000000
    └─ v3 = v2 + w  2.000000  +0.070651  0.070651
       ├─ v2 = w*x  1.500000  +0.070651  1.000000
       │  ├─ w      0.500000  +0.282603  3.000000
       │  └─ x      3.000000  +0.035325  0.500000
       └─ w (above)                      1.000000
    """
    depth = None if depth is None else whole("tree: depth", depth, 0, ", or None for all levels")
    graph = Words(root, ascii)
    branch, last, rail, blank = ("|- ", "`- ", "|  ", "   ") if ascii else ("├─ ", "└─ ", "│  ", "   ")
    written: set[str] = set()
    rows: list[tuple[str, ...]] = [("", "data", "grad", "partial")]
    # what is still to come, the next one last: a node, its partial, the rails before it and those below it, its level
    stack = [(graph.root, "", "", "", 0)]
    while stack:
        i, partial, before, under, level = stack.pop()
        if i in written:
            rows.append((f"{before}{graph.names[i]} (above)", "", "", partial))
            continue
        below = graph.below.get(i, [])
        cut = bool(below) and level == depth
        rows.append((before + graph.equation(i) + graph.pen.say(" …") * cut, *graph.numbers(i), partial))
        if not cut:
            written.add(i)
            under = under[-len(rail) * DEEPEST :]
            rails = [(branch, rail)] * (len(below) - 1) + [(last, blank)]
            for e, (mark, further) in reversed(list(zip(below, rails, strict=False))):
                stack.append((e.source, full(e.partial or 0.0), under + mark, under + further, level + 1))
    return View("\n".join(columns(rows, to_the_right=(1, 2, 3))))


def listing(root: Value, *, ascii: bool = False) -> View:  # noqa: A002 - the word for it
    """The graph line by line, each node after what it was made from: formula, data, gradient, partials.

    The partials are d node / d argument in the order of the arguments, without constants. Gradients are
    those of this root; a dash before `backward()`.

    Raises TypeError for anything but a Value, StaleGraph if a leaf was changed after recording.

    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> y = (w * x + w).tanh()
    >>> listing(y)
                      data  grad  partials
    w             0.500000     –
    x             3.000000     –
    v2 = w*x      1.500000     –  3, 0.5
    v3 = v2 + w   2.000000     –  1, 1
    y = tanh(v3)  0.964028     –  0.070651
    """
    graph = Words(root, ascii)
    rows: list[tuple[str, ...]] = [("", "data", "grad", "partials")]
    for i, v in graph.values.items():
        partials = [short(d) for d in v.partials if d is not None]
        rows.append((graph.equation(i), *graph.numbers(i), graph.abridged(partials, MOST_PARTIALS)))
    return View("\n".join(columns(rows, to_the_right=(1, 2))))


class Words:
    """A recorded graph in words: what each node is called, how it was made, its numbers."""

    def __init__(self, root: Value, ascii: bool) -> None:  # noqa: A002
        if root.__class__ is not Value:
            raise TypeError(f"a view in text has one root, a Value, not {brief(root)}")
        seen = record(root)
        self.root = seen.roots[0]
        self.pen: Pen = (Ascii if ascii else Text)(Notes(None))
        self.nodes: dict[str, Node] = {n.id: n for n in seen.nodes}
        self.values: dict[str, Value] = {n.id: v for n, v in zip(seen.nodes, seen.values, strict=True) if v is not None}
        found = labels(self.values.values(), root)
        self.names = {i: self.pen.name(found[v]) for i, v in self.values.items()}
        self._called = {v: self.names[i] for i, v in self.values.items()}
        self.below: dict[str, list[Edge]] = {}
        for e in seen.edges:
            self.below.setdefault(e.target, []).append(e)

    def equation(self, i: str) -> str:
        """The name of a node, and the operation over its arguments that made it."""
        v = self.values[i]
        if v.op is None:
            return self.names[i]
        groups = [[self._argument(p) for p in g] for g in v._groups()]
        if any(v.op.vector):
            inside = "; ".join(self.abridged(g, MOST_ARGUMENTS) for g in groups)
            made = f"{v.op.name}({inside})"
        else:
            made = str(write(v.op.name, *(g[0] for g in groups)))
        return f"{self.names[i]} = {made}"

    def numbers(self, i: str) -> tuple[str, str]:
        """Data and gradient of a node; a dash for a gradient that was not computed."""
        n = self.nodes[i]
        return full(n.data), self.pen.say("–") if n.grad is None else signed(n.grad)

    def abridged(self, parts: Sequence[str], most: int) -> str:
        """The parts of a vector; of a long one the first and the last."""
        return ", ".join(parts if len(parts) <= most else [*parts[: most - 2], self.pen.say("…"), parts[-1]])

    def _argument(self, p: Any) -> Phrase:
        if p.__class__ is Value and p.label is not CONSTANT:
            name = self._called[p]
            return Phrase(name, ATOM if self.pen.atomic(name) else CONDITION)
        x = short(p.data if p.__class__ is Value else p)
        return Phrase(x, CONDITION if x.startswith("-") else ATOM)


def columns(rows: Sequence[Sequence[str]], to_the_right: Iterable[int]) -> list[str]:
    """Rows as aligned lines; a first cell that is wider than its column pushes the others on."""
    widths = [max(len(row[k]) for row in rows if k or len(row[0]) <= WIDEST) for k in range(len(rows[0]))]
    place = [str.rjust if k in set(to_the_right) else str.ljust for k in range(len(widths))]
    return ["  ".join(put(c, w) for put, c, w in zip(place, row, widths, strict=True)).rstrip() for row in rows]
