"""The chain of factors from a node up to where the ways part, read off the graph.

In a network a chain stays within a unit, w to net to o, and ends where other units take over: there the
adjoint is a sum over them (LEC-12). In any other expression it follows the single use of each node.
Products and sums without a name, as an expanded net has them, are passed through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.formula import Formula, fold, rebuild, symbol, total
from engine.ieee import evaluate
from engine.label import Role
from engine.ops import TABLE, Row
from engine.value import CONSTANT, Value
from engine.why.cone import Cone, Edge, edges
from engine.why.notation import Label, Nth, any_unit
from engine.why.reading import Reading, shown_form


MOST_FACTORS = 6  # of a chain that is written out; above it the adjoint stands as a number


class Step(NamedTuple):
    """From a node to one of its users, or through users without a name to the next one that has one."""

    bottom: Value
    top: Value
    edges: tuple[Edge, ...]

    @property
    def partial(self) -> float:
        """D top / d bottom along this way."""
        product = 1.0
        for e in reversed(self.edges):
            product = e.partial * product
        return product


def climb(cone: Cone) -> tuple[list[Step], list[Step]]:
    """The steps up from the node while there is one way only, and the ways where it parts.

    There are no ways at the root, nor where the chain is cut for its length.
    """
    inside = into_units(cone)
    steps: list[Step] = []
    v = cone.node
    while v is not cone.root and len(steps) < MOST_FACTORS:
        ways = [through(cone, e, inside) for e in cone.uses[v]]
        if len(ways) > 1 or leaves_unit(ways[0]):
            return steps, ways
        steps.append(ways[0])
        v = ways[0].top
    return steps, []


def into_units(cone: Cone) -> set[Value]:
    """The nodes without a name from which all goes into one unit, as the products of an expanded net do."""
    inside: set[Value] = set()
    for n in reversed(cone.order):
        if n.label is None and n is not cone.root and len(cone.uses[n]) == 1:
            (e,) = cone.uses[n]
            if is_unit(e.user) or e.user in inside:
                inside.add(n)
    return inside


def through(cone: Cone, e: Edge, inside: set[Value]) -> Step:
    """The step that begins with `e`, on to the unit if that is where it leads."""
    passed = [e]
    while passed[-1].user in inside:
        passed += cone.uses[passed[-1].user]
    return Step(e.arg, passed[-1].user, tuple(passed))


def role(v: Any) -> Role:
    """The role of a node; an empty one if it has none."""
    return v.label if v.__class__ is Value and isinstance(v.label, Role) else Role("")


def role_of(label: Label | float) -> Role:
    """The role in a label; an empty one if there is none."""
    label = label.label if isinstance(label, Nth) else label
    return label if isinstance(label, Role) else Role("")


def like(label: Label, r: Role) -> Label:
    """Another role at the same place: with the same number, if the label has one."""
    return Nth(r, label.number) if isinstance(label, Nth) else r


def is_unit(v: Value) -> bool:
    """Whether a node is the net or the output of a unit."""
    return role(v).kind in ("net", "o")


def leaves_unit(step: Step) -> bool:
    """Whether a step leads into a unit from outside, not from its own weights or its own net."""
    return is_unit(step.top) and role(step.bottom).unit != role(step.top).unit


def is_linear(step: Step) -> bool:
    """Whether a step leads from a weight or bias straight to o_j: a linear unit, o_j = net_j (LEC-8)."""
    return role(step.bottom).kind in ("w", "b") and role(step.top).kind == "o"


def weight(step: Step) -> Role | None:
    """The weight by which a step enters a unit; None if it enters otherwise."""
    e = step.edges[0]
    w = role(beside(e.user, *place(e))) if leaves_unit(step) else Role("")
    return w if (w.kind, w.unit) == ("w", role(step.top).unit) else None


# ---- formulas at their place --------------------------------------------------------------------


def readings(step: Step, labels: Mapping[Value, Label]) -> tuple[Reading, ...]:
    """The partials along a step, users first, without those that are 1 whatever the numbers."""
    found = (reading(e, labels) for e in reversed(step.edges))
    return tuple(r for r in found if not (r.formula.op == "number" and r.formula.args[0] == 1))


def reading(e: Edge, labels: Mapping[Value, Label]) -> Reading:
    """The partial of an edge as a formula of its row, with the names and numbers of this place."""
    row: Any = e.user.op
    s, k = place(e)
    return _reading(row.partials[row.args.index(s)], e.user, k, labels)


def definition(n: Value, labels: Mapping[Value, Label]) -> Reading:
    """The formula by which a node was made; of a loss that sees through a softmax, the one without nets."""
    row: Any = n.op
    r = _reading(row.value, n, 0, labels)
    plain = TABLE.get(row.name.removesuffix("_with_logits"), row)
    if plain is not row and SOFTMAX in r.known:
        names = {s: any_element(r.known[SOFTMAX][0] if s == "o" else r.names[s], s) for s in plain.args}
        return Reading(plain.value, {"y": r.names["y"], **names}, r.numbers, running=names)
    return r


def _reading(f: Formula, n: Value, k: int, labels: Mapping[Value, Label]) -> Reading:
    row: Any = n.op
    names: dict[str, Any] = {"y": labels[n]}
    numbers: dict[str, Any] = {"y": n.data}
    running: dict[str, Label] = {}
    for s, group, vector in zip(row.args, n._groups(), row.vector, strict=True):
        data = [p.data if p.__class__ is Value else p for p in group]
        names[s] = called(n, s, k if k < len(group) else 0, labels)
        numbers[s] = data if vector else data[0]
        if vector:
            running[s] = any_element(names[s], s)
    return Reading(f, names, numbers, k, running, known(row, names, numbers, k))


def place(e: Edge) -> tuple[str, int]:
    """The symbol of the argument that an edge is, and which element of it."""
    row: Any = e.user.op
    k = e.position
    for s, group in zip(row.args, e.user._groups(), strict=True):
        if k < len(group):
            return s, k
        k -= len(group)
    raise IndexError(f"{row.name} has no argument {e.position}")


def beside(n: Value, s: str, k: int) -> Any:
    """The argument of node `n` that stands beside element k of argument s, as w_i stands beside x_i."""
    row: Any = n.op
    groups = zip(row.args, n._groups(), strict=True)
    return next((group[k] for other, group in groups if other != s and k < len(group)), None)


def called(n: Value, s: str, k: int, labels: Mapping[Value, Label]) -> Label | float:
    """What element k of argument s of a node is called: a node by its label, a number by what it does there.

    The number beside a weight is an input, t in a loss is the target of the unit beside it.
    """
    row: Any = n.op
    p = n._groups()[row.args.index(s)][k]
    if p.__class__ is Value and p.label is not CONSTANT:
        return labels[p]
    partner, found = role(beside(n, s, k)), None
    if partner.kind == "w":
        found = Role("x" if partner.source.startswith("x") else "o", partner.source)
    elif is_loss(row) and s == "t" and partner.unit:
        found = Role("t", partner.unit)
    if found is None:
        return float(p.data if p.__class__ is Value else p)
    return like(labels[n], found)


def any_element(label: Label | float, s: str) -> Label:
    """What any element of a vector is called in a sum, from what one of them is called."""
    r = role_of(label)
    if r.kind == "w":  # the inputs of one unit, weight by weight
        return Role("w", r.unit, any_unit(r.source))
    return Role(r.kind, any_unit(r.unit)) if r.kind else f"{s}_k"


x, t, o = (symbol(s, vector=True) for s in "xto")
SOFTMAX = fold(TABLE["softmax"].value, {"a": x, "x": x}, rebuild, shown=True)  # e^x_i / sum_k e^x_k


def known(
    row: Row, names: Mapping[str, Any], numbers: Mapping[str, Any], k: int
) -> dict[Formula, tuple[Label | float, float]]:
    """Parts of a loss's formulas with a name of their own: the softmax that it sees through, a sum of targets."""
    found: dict[Formula, tuple[Label | float, float]] = {}
    if is_loss(row):
        targets = float(sum(numbers["t"]))
        found[total(t)] = targets, targets
        if (net := role_of(names.get("x", ""))).kind == "net":
            o = evaluate(TABLE["softmax"].value, {"a": numbers["x"], "x": numbers["x"]})
            found[SOFTMAX] = like(names["x"], Role("o", net.unit)), o[k]
    return found


# ---- losses -------------------------------------------------------------------------------------


class Loss(NamedTuple):
    """The loss at the root: its row, and for a sum of squares the c in dE/do = -c (t - o); otherwise 1."""

    row: str
    squares: bool
    c: float


def is_loss(row: Row) -> bool:
    """Whether a row is a loss: of outputs o, or of nets x, and of targets t."""
    return row.args in (("o", "t"), ("x", "t")) and all(row.vector)


def loss(cone: Cone) -> Loss | None:
    """The loss that the root is, perhaps times or over a constant as a mean is; None if it is none."""
    v, scale = cone.root, 1.0
    while v.op is not None and v.op.name in ("mul", "div"):
        live = list(edges(v))
        if len(live) != 1 or live[0].position != 0:
            return None
        scale *= live[0].partial
        v = live[0].arg
    if v.op is None or not is_loss(v.op) or not math.isfinite(scale) or scale == 0:
        return None
    c = squares(v.op.partials[0])
    return Loss(v.op.name, c is not None, 1.0 if c is None else scale * c)


def squares(f: Formula) -> float | None:
    """The c of a partial -c (t - o), as sums of squares have it; None for any other."""
    f = shown_form(f)
    if f is -(t - o):
        return 1.0
    if f.op == "mul" and f.args[0].op == "number" and f.args[1] is t - o:
        return float(-f.args[0].args[0])
    return None
