"""A derivation as data: every factor, term and number that an explanation says, in no notation yet.

It is made once, from the numbers recorded in the graph, so that the same derivation can be written in
the words of any of the notes, even after the weights have moved on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.formula import each
from engine.label import Role
from engine.ops import TABLE
from engine.value import Value
from engine.why.chain import (
    Loss,
    Step,
    climb,
    definition,
    is_linear,
    is_loss,
    is_unit,
    like,
    loss,
    place,
    reading,
    readings,
    role,
    role_of,
    squares,
    weight,
)
from engine.why.cone import Cone, Differences, differences
from engine.why.notation import Label, any_unit, is_output, labels
from engine.why.paths import Paths
from engine.why.reading import Reading
from engine.why.remarks import Remark, remarks
from engine.why.terms import Contributions, Rest, largest_first


MOST_TERMS = 6  # of a sum that are written out
MOST_ROUTES, LONGEST_ROUTE = 4, 8  # paths that are written out in formulas, and their edges
ACTIVATIONS = ("activation", "sigmoid", "linear")  # the lines of a factor do/dnet


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
        loss=loss(cone),
        joint=joint(steps, root, names),
        lone=len(outputs) == 1,
        terms=Contributions(cone),
        paths=best,
        routes=routes(best, names),
        differences=differences(cone),
        remarks=tuple(remarks(cone, steps, names)),
    )


def net_of(label: Label) -> Label:
    """What the net of a linear unit is called, whose o it is as well."""
    return like(label, Role("net", role_of(label).unit))


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
    last: Any = step.edges[-1].user.op
    if is_loss(last) and place(step.edges[-1])[0] != "t":
        return "squares" if squares(last.partials[0]) is not None else str(last.name)
    if role(step.bottom).kind == "net" and role(step.top).kind == "o":
        return "sigmoid" if len(step.edges) == 1 and last.name == "sigmoid" else "activation"
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
    for s, up in itertools.pairwise(steps):
        row = TABLE.get(f"{root.op.name}_with_logits") if root.op and up.top is root else None
        if row and line(s) in ("sigmoid", "activation") and len(s.edges) == 1:
            activation: Any = s.top.op
            r = reading(up.edges[0], names)
            for f in each(row.partials[0]):
                if f.op == activation.name:
                    numbers = {"x": s.bottom.data, "t": r.at("t")}
                    known = {f: (names[s.top], s.top.data)}
                    return Reading(row.partials[0], {**r.names, "x": names[s.bottom]}, numbers, known=known)
    return None


def routes(paths: Paths, names: Mapping[Value, Label]) -> tuple[tuple[Reading, ...], ...]:
    """Every path as the partials along it, from the root down, if that can be read."""
    if paths.count > min(MOST_ROUTES, len(paths)) or any(len(p.edges) > LONGEST_ROUTE for p in paths):
        return ()
    return tuple(tuple(r for e in reversed(p.edges) for r in readings(Step(e.arg, e.user, (e,)), names)) for p in paths)
