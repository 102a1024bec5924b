"""What there is to know about single partials: conventions, digits that are lost, saturated units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.ieee import value_and_partials
from engine.value import Value
from engine.why.chain import Step, definition, place, reading, role
from engine.why.cone import Cone, Edge, edges
from engine.why.notation import Label
from engine.why.reading import Reading


LOST = 5e-7  # the shown form is off by so much of its value: of six printed digits the last is wrong
SATURATED = 0.01  # of the f' at net = 0
JUMP = 1e-3  # between the partials at two neighbouring floats, of their size
FAR = 1e-8  # of the argument: where a jump is as large as beside it, and a slope has grown


@dataclass(frozen=True)
class Remark:
    """A remark about a partial: how the node was made, the partial itself, its number."""

    kind: str
    made: Reading
    partial: Reading
    value: float
    convention: str = ""
    at_zero: float = 0.0  # of a saturated unit, f' at net = 0


def remarks(cone: Cone, steps: list[Step], names: Mapping[Value, Label]) -> Iterator[Remark]:
    """Conventions anywhere between the node and the root; the others along the chain of factors."""
    for n in cone.order[1:]:
        row: Any = n.op
        for e in edges(n) if row.convention else ():
            if e.arg in cone.uses and by_convention(e):
                yield Remark("convention", definition(n, names), reading(e, names), float(e.partial), row.convention)
    for e in (e for s in steps for e in s.edges):
        r = reading(e, names)
        told = e.user.op is not None and e.user.op.convention and not math.isfinite(r.shown) and by_convention(e)
        if math.isfinite(e.partial) and not told and not abs(r.shown - e.partial) <= LOST * abs(e.partial):
            yield Remark("lost", definition(e.user, names), r, float(e.partial))
    for s in steps:
        if role(s.bottom).kind == "net" and role(s.top).kind == "o" and len(s.edges) == 1:
            (e,) = s.edges
            if abs(e.partial) < SATURATED * (at_zero := partial_at(e, 0.0)):
                made, r = definition(e.user, names), reading(e, names)
                yield Remark("saturated", made, r, float(e.partial), at_zero=at_zero)


def by_convention(e: Edge) -> bool:
    """Whether a partial is what it is by convention: it is infinite, or jumps between the neighbouring floats.

    What passes through zero changes much too, of its size, but more so farther off. The partial of a
    `where` always is a convention, only the chosen branch has a gradient; and so is that of x**0.
    """
    row: Any = e.user.op
    if row.name == "where" or not math.isfinite(e.partial):
        return True
    x = e.arg.data
    if row.name == "pow" and e.user._b.__class__ is float and e.user._b == 0 == x:
        return True
    near = [partial_at(e, math.nextafter(x, end)) for end in (-math.inf, math.inf)]
    far = [partial_at(e, x + h) for h in (-FAR * max(1.0, abs(x)), FAR * max(1.0, abs(x)))]
    jump = abs(near[1] - near[0])
    return jump > JUMP * max(map(abs, near)) and not jump < JUMP * abs(far[1] - far[0])


def partial_at(e: Edge, x: float) -> float:
    """The partial of an edge if its argument held `x`."""
    row: Any = e.user.op
    s, k = place(e)
    numbers: dict[str, Any] = {}
    for r, group, vector in zip(row.args, e.user._groups(), row.vector, strict=True):
        data = [p.data if p.__class__ is Value else p for p in group]
        if r == s:
            data[k] = x
        numbers[r] = data if vector else data[0]
    _, slopes = value_and_partials(row, numbers)
    d = slopes[row.args.index(s)]
    return float(d[k] if d.__class__ is list else d)
