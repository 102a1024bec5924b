"""A derivation as data: every factor, term and number that an explanation says, in no notation yet.

It is made once, from the numbers recorded in the graph, so that the same derivation can be written in
the words of any of the notes, even after the weights have moved on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.explain.chain import (
    Loss,
    Step,
    climb,
    definition,
    is_linear,
    is_unit,
    loss,
    reading,
    readings,
    role,
    squares,
    weight,
)
from engine.explain.cone import Cone, Differences, differences, edges
from engine.explain.notation import Label, Nth, any_unit, is_output, labels
from engine.explain.terms import Contributions, Paths, Rest, largest_first
from engine.explain.writing import Reading, short
from engine.formula import each
from engine.ieee import value_and_partials
from engine.label import Role
from engine.ops import TABLE
from engine.value import Value


MOST_TERMS = 6  # of a sum that are written out
MOST_ROUTES, LONGEST_ROUTE = 4, 8  # paths that are written out in formulas, and their edges
LOST = 5e-7  # the shown form is off by so much of its value: of six printed digits the last is wrong
ACTIVATIONS = ("activation", "sigmoid", "linear")  # the lines of a factor do/dnet
SATURATED = 0.01  # of the largest f' that an activation has


@dataclass(frozen=True)
class Factor:
    """D top / d bottom: the product of its readings, 1 if there are none; `line` says which equation it is."""

    top: Label
    bottom: Label
    readings: tuple[Reading, ...]
    value: float
    line: str = ""


@dataclass(frozen=True)
class Addend:
    """What one way adds where ways part: its factor times the gradient at its upper end."""

    factor: Factor
    gradient: float
    product: float


@dataclass(frozen=True)
class Sum:
    """The adjoint of a node as a sum over its uses, of which there are `count`.

    If all of them are weights into units, `weight` and `net` are those of any unit k, of the unit if it is one.
    """

    bottom: Label
    addends: tuple[Addend, ...]
    rest: Rest | None
    count: int
    total: float
    weight: Role | None
    net: Role | None


@dataclass(frozen=True)
class Remark:
    """Something to know about one partial: a convention that holds there, lost digits, a saturated unit."""

    kind: str
    made: Reading  # how the upper end of the edge was made
    partial: Reading
    value: float
    word: str = ""  # the convention; of a saturated unit, f' at net = 0


@dataclass(frozen=True)
class Derivation:
    """All of d root / d node: the factors from the root down, and the sum that the first of them may be."""

    root: Label
    node: Label
    leaf: bool
    data: float
    total: float
    top: Label  # where the chain of factors ends: at the root, or where ways part
    lead: float  # d root / d top
    factors: tuple[Factor, ...]
    parting: Sum | None
    made: tuple[tuple[Label, Reading, str], ...]  # how nodes were made that are no units; the row's name
    loss: Loss | None
    joint: Reading | None  # dE/dnet of an output unit whose f' the loss cancels
    lone: bool  # the network has one output
    terms: Contributions
    paths: Paths
    routes: tuple[tuple[Reading, ...], ...]  # all paths in formulas, where they are few and short
    differences: Differences
    remarks: tuple[Remark, ...]

    @property
    def role(self) -> Role:
        """The role of the node; an empty one if it has none."""
        return role_of(self.node)

    @property
    def net(self) -> Label | None:
        """The net of the unit that a weight, a bias or a net belongs to, if the chain passes it."""
        ends = [end for f in self.factors for end in (f.top, f.bottom)]
        mine = self.role.kind in ("w", "b", "net")
        return next((end for end in ends if mine and role_of(end).kind == "net"), None)

    @property
    def activation(self) -> Factor | None:
        """The factor do/dnet of the node's own unit."""
        return next((f for f in self.factors if f.line in ACTIVATIONS), None)


def derive(node: Value, root: Value, paths: int) -> Derivation:
    """The derivation of d root / d node, with so many of its paths."""
    cone = Cone(node, root, "explain")
    names = labels(cone.nodes, root)
    steps, all_ways = climb(cone)
    ways, rest = largest_first(all_ways, [adds(cone, s) for s in all_ways], MOST_TERMS)
    top = steps[-1].top if steps else node
    outputs = {role(n).unit for n in cone.nodes if is_unit(n) and is_output(role(n).unit)}
    best = Paths(cone, paths)
    return Derivation(
        root=names[root],
        node=names[node],
        leaf=node.op is None,
        data=node.data,
        total=cone.adjoint[node],
        top=names[top],
        lead=cone.adjoint[top],
        factors=tuple(f for s in reversed(steps) for f in factors(s, names)),
        parting=parting(cone, top, ways, rest, len(all_ways), names) if ways else None,
        made=tuple(made(cone, steps, ways, names)),
        loss=loss(cone) if role(root).kind == "E" else None,
        joint=joint(steps, root, names),
        lone=len(outputs) == 1,
        terms=Contributions(cone),
        paths=best,
        routes=routes(best, names),
        differences=differences(cone),
        remarks=(*conventions(cone, names), *lost_digits(steps, names), *saturations(steps, names)),
    )


def role_of(label: Label) -> Role:
    """The role in a label; an empty one if there is none."""
    label = label.label if isinstance(label, Nth) else label
    return label if isinstance(label, Role) else Role("")


def net_of(label: Label) -> Label:
    """What the net of a linear unit is called, whose o it is as well."""
    net = Role("net", role_of(label).unit)
    return Nth(net, label.number) if isinstance(label, Nth) else net


# ---- factors and sums ---------------------------------------------------------------------------


def factors(step: Step, names: Mapping[Value, Label]) -> list[Factor]:
    """A step as a factor; a linear unit, whose net and o are one node, as the two that it is in the notes."""
    top, bottom = names[step.top], names[step.bottom]
    found = readings(step, names)
    if is_linear(step):
        net = net_of(top)
        return [Factor(top, net, (), 1.0, "linear"), Factor(net, bottom, found, step.partial)]
    return [Factor(top, bottom, found, step.partial, line(step))]


def line(step: Step) -> str:
    """Which line of a derivation a step is."""
    rows: list[Any] = [e.user.op for e in step.edges]
    if "t" in rows[-1].args:
        return "squares" if squares(rows[-1].partials[0]) is not None else rows[-1].name
    if role(step.bottom).kind == "net" and role(step.top).kind == "o":
        return "sigmoid" if [r.name for r in rows] == ["sigmoid"] else "activation"
    return ""


def parting(cone: Cone, v: Value, ways: list[Step], rest: Rest | None, count: int, names: Mapping[Value, Label]) -> Sum:
    """The sum over the ways from a node."""
    weights = [weight(s) for s in ways]
    addends = []
    for s, w in zip(ways, weights, strict=True):
        top = net_of(names[s.top]) if w else names[s.top]
        factor = Factor(top, names[v], readings(s, names), s.partial)
        addends.append(Addend(factor, cone.adjoint[s.top], adds(cone, s)))
    any_weight = any_net = None
    if all(weights) and (w := weights[0]):
        k = w.unit if count == 1 else any_unit(w.unit)
        any_weight, any_net = Role("w", k, w.source), Role("net", k)
    return Sum(names[v], tuple(addends), rest, count, cone.adjoint[v], any_weight, any_net)


def adds(cone: Cone, s: Step) -> float:
    """What a way adds to the gradient at its lower end; nothing from a user without one."""
    g = cone.adjoint[s.top]
    return s.partial * g if g else 0.0


def made(
    cone: Cone, steps: list[Step], ways: list[Step], names: Mapping[Value, Label]
) -> Iterator[tuple[Label, Reading, str]]:
    """How the nodes that a derivation mentions were made, but for units, whose formulas the notes give."""
    mentioned = {cone.node, *(s.top for s in (*steps, *ways))}
    for v in cone.order:
        if v in mentioned and v.op is not None and not is_unit(v):
            yield names[v], definition(v, names), v.op.name


def joint(steps: list[Step], root: Value, names: Mapping[Value, Label]) -> Reading | None:
    """DE/dnet of an output unit from the row that has its activation and its loss in one, as o - t."""
    for s, up in zip(steps, steps[1:], strict=False):
        if line(s) in ("sigmoid", "activation") and up.top is root and root.op and len(s.edges) == 1:
            row = TABLE.get(f"{root.op.name}_with_logits")
            activation: Any = s.top.op
            r = readings(up, names)
            for f in each(row.partials[0]) if row and r else ():
                if f.op == activation.name:
                    numbers = {"x": s.bottom.data, "t": r[0].numbers["t"][r[0].element]}
                    return Reading(row.partials[0], {**r[0].names, "x": names[s.bottom]}, numbers, known={f: names[s.top]})
    return None


def routes(paths: Paths, names: Mapping[Value, Label]) -> tuple[tuple[Reading, ...], ...]:
    """Every path as the partials along it, from the root down, if that can be read."""
    if paths.count > min(MOST_ROUTES, len(paths)) or any(len(p.edges) > LONGEST_ROUTE for p in paths):
        return ()
    return tuple(
        tuple(r for e in reversed(p.edges) for r in readings(Step(e.arg, e.user, (e,)), names)) for p in paths
    )


# ---- remarks ------------------------------------------------------------------------------------


def conventions(cone: Cone, names: Mapping[Value, Label]) -> Iterator[Remark]:
    """Partials that are what they are by the convention of their row: at a kink, at the edge of a domain."""
    for n in cone.order[1:]:
        row: Any = n.op
        for e in edges(n) if row.convention else ():
            if e.arg in cone.uses:
                r = reading(e, names)
                if row.name == "where" or not math.isfinite(e.partial) or on_edge(r):
                    yield Remark("convention", definition(n, names), r, float(e.partial), row.convention)


def on_edge(r: Reading) -> bool:
    """Whether a formula compares two numbers that are equal, so that it is about to choose otherwise."""
    return any(r.number(f.args[0]) == r.number(f.args[1]) for f in each(r.formula) if f.op in COMPARISONS)


COMPARISONS = ("lt", "le", "gt", "ge", "eq")


def lost_digits(steps: list[Step], names: Mapping[Value, Label]) -> Iterator[Remark]:
    """Partials whose shown form has lost digits that the computed form keeps."""
    for e in (e for s in steps for e in s.edges):
        r = reading(e, names)
        if math.isfinite(e.partial) and not abs(r.shown - e.partial) <= LOST * abs(e.partial):
            yield Remark("lost", definition(e.user, names), r, float(e.partial))


def saturations(steps: list[Step], names: Mapping[Value, Label]) -> Iterator[Remark]:
    """Activations so far out that next to nothing is left of the f' that they have at net = 0."""
    for s in steps:
        if line(s) in ("sigmoid", "activation") and len(s.edges) == 1:
            r = reading(s.edges[0], names)
            _, (most, *_) = value_and_partials(TABLE[s.top.op.name], {**r.numbers, "a": 0.0})  # type: ignore[union-attr]
            if abs(s.partial) < SATURATED * most:
                yield Remark("saturated", definition(s.top, names), r, s.partial, short(most))
