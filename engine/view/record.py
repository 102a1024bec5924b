"""The record of a graph: plain, frozen data that every view reads.

`record(root)` walks the graph below `root` once and writes down each node and each use of a node,
arguments before users. Gradients come from an adjoint pass of its own over the recorded partials, so
they are those of `root` whatever passes were run before. The graph itself is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.errors import short
from engine.graph import topological
from engine.label import Role
from engine.recording import check_fresh
from engine.value import CONSTANT, Steep, Value
from engine.view.scopes import Scope, scopes


Uses = tuple[tuple[Value | float, float | None], ...]  # the arguments of a node, with the local partials


class Node(NamedTuple):
    """One number of the graph: a leaf, a result, or a constant drawn as a node of its own."""

    id: str  # n0, n1, ... in topological order; constants c0, c1, ...
    name: str  # the label as text; "" for none
    op: str | None  # the name of the operation's row; None for a leaf
    kind: str  # the role's kind (x w b net o t E), else "leaf", "result" or "constant"
    data: float
    grad: float | None  # d root / d node; None before backward, and for a constant
    scope: Scope | None  # the unit it belongs to, where roles tell
    args: tuple[str | float, ...]  # ids in order, with repeats; a hidden constant is its number


class Edge(NamedTuple):
    """One use of `source`, as argument number `position` of `target`."""

    source: str
    target: str
    position: int
    partial: float | None  # d target / d source on this edge alone; None for a constant
    flow: float | None  # partial * d root / d target: what this use adds to the source's gradient


@dataclass(frozen=True)
class Record:
    """Nodes and edges in topological order; edges grouped by target, in the order of its arguments."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    roots: tuple[str, ...]
    backward: bool  # whether a backward pass has reached every root; without it no gradient is shown
    values: tuple[Value | None, ...] = field(default=(), repr=False, compare=False)  # of each node

    def find(self, value: Value) -> Node:
        """The node of `value`; a ValueError if it is not in this graph."""
        for node, v in zip(self.nodes, self.values, strict=True):
            if v is value:
                return node
        raise ValueError(f"{value!r} is not in the graph of the root: the root does not depend on it")


def record(
    root: Value | Iterable[Value], *, names: Mapping[str, object] | None = None, constants: bool = False
) -> Record:
    """The graph below `root` as plain data, with the gradient of `root` (of the sum of several roots).

    `names` maps names to Values (`locals()` will do) and goes before labels. With `constants` the
    numbers written in the expression become nodes too. Raises TypeError for anything but Values and
    StaleGraph if a leaf was changed after the graph was recorded.

    >>> x = Value(3.0, "x")
    >>> r = record(x * x + 2)
    >>> [(n.id, n.name, n.op, n.data) for n in r.nodes]
    [('n0', 'x', None, 3.0), ('n1', '', 'mul', 9.0), ('n2', '', 'add', 11.0)]
    >>> [(e.source, e.target, e.partial) for e in r.edges]
    [('n0', 'n1', 3.0), ('n0', 'n1', 3.0), ('n1', 'n2', 1.0)]
    """
    roots = checked_roots(root)
    check_fresh(*roots)
    order = topological(*roots)
    index = {id(v): i for i, v in enumerate(order)}
    called = called_by(names)
    uses = [uses_of(v) for v in order]
    backward = all(r.grad is not None for r in roots)
    grads, flows = adjoints(uses, index, roots) if backward else ([None] * len(order), [[None] * len(u) for u in uses])
    nodes: list[Node] = []
    edges: list[Edge] = []
    values: list[Value | None] = []
    unseen = 0  # constants met so far
    for i, (v, scope) in enumerate(zip(order, scopes(order), strict=True)):
        args: list[str | float] = []
        target = f"n{i}"
        for position, ((a, partial), flow) in enumerate(zip(uses[i], flows[i], strict=True)):
            if isinstance(a, Value):
                source = f"n{index[id(a)]}"
            elif constants:
                source = f"c{unseen}"
                unseen += 1
                nodes.append(Node(source, "", None, "constant", a, None, None, ()))
                values.append(None)
            else:
                args.append(a)
                continue
            args.append(source)
            edges.append(Edge(source, target, position, partial, flow))
        name = called.get(id(v)) or ("" if v.label is None else str(v.label))
        op = None if v.op is None else v.op.name
        nodes.append(Node(target, name, op, kind_of(v), v.data, grads[i], scope, tuple(args)))
        values.append(v)
    ids = tuple(f"n{index[id(r)]}" for r in roots)
    return Record(tuple(nodes), tuple(edges), ids, backward, tuple(values))


def checked_roots(root: object) -> list[Value]:
    """The roots as a list without repeats, or a TypeError that says what came instead."""
    if isinstance(root, Value):
        return [root]
    wanted = "write draw(loss), or draw([a, b]) for several roots"
    if isinstance(root, str | bytes | Mapping) or not isinstance(root, Iterable):
        raise TypeError(f"a view needs a Value or a list of Values, not {short(root)}; {wanted}")
    roots: dict[int, Value] = {}
    for position, r in enumerate(root):
        if not isinstance(r, Value):
            raise TypeError(f"a view needs Values, but item {position} of the list is {short(r)}; {wanted}")
        roots[id(r)] = r
    if not roots:
        raise ValueError(f"a view needs at least one root, and the list is empty; {wanted}")
    return list(roots.values())


def called_by(names: Mapping[str, object] | None) -> dict[int, str]:
    """The name of each Value, by identity; the first name wins, names with a leading _ do not count."""
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise TypeError(f"names must map names to Values, such as locals() or {{'w': w}}, not {short(names)}")
    called: dict[int, str] = {}
    for name, v in names.items():
        if isinstance(v, Value) and not str(name).startswith("_"):
            called.setdefault(id(v), str(name))
    return called


def kind_of(v: Value) -> str:
    """What a node is: its role's kind, else whether it was made by an operation."""
    if isinstance(v.label, Role):
        return v.label.kind
    return "leaf" if v.op is None else "result"


def uses_of(v: Value) -> Uses:
    """The arguments of a node with its local partials; infinite ones keep the engine's rule for 0 * inf."""
    return tuple(
        (p, d if isinstance(d, Steep) else float(d)) if p.__class__ is Value and p.label is not CONSTANT
        # a number, or a leaf that carries one among Values
        else (p.data if p.__class__ is Value else p, None)
        for g, s in zip(v._groups(), v._slopes(), strict=True)
        for p, d in zip(g, s or g, strict=True)
    )


def adjoints(
    uses: list[Uses], index: dict[int, int], roots: list[Value]
) -> tuple[list[float | None], list[list[float | None]]]:
    """The gradient of each node of a topological order, and the flow of each of its uses of others."""
    found = [0.0] * len(uses)
    flows: list[list[float | None]] = [[]] * len(uses)
    for r in roots:
        found[index[id(r)]] = 1.0
    for i in range(len(uses) - 1, -1, -1):
        flows[i] = [None if partial is None else partial * found[i] for _, partial in uses[i]]
        for (a, _), flow in zip(uses[i], flows[i], strict=True):
            if flow is not None:
                found[index[id(a)]] += flow
    return [*found], flows
