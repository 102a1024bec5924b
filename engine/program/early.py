"""Sums of a row made while the row before it is still under way: only where `strict=False` allows another order.

The sums of a first layer run over weights that wait for the step before, which comes last in a row: w + U(x, d). As
in `ahead.py`, U is in proportion to x, so that the sum of the row to come is one over the old weights, long known,
and one such step by the inner product of both rows. What the chain of a short program waits for is that step alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce
from typing import Any, NamedTuple

from engine.program.ahead import KINDS, kind
from engine.program.lowering import Lowering
from engine.program.plan import Plan
from engine.program.tape import Operand, Tape


SHORT = 3  # terms, up to which each is waited for by itself
CONTRACT = " contract"


class Early(NamedTuple):
    """A sum over columns of the row, the columns, the step of its first weight, and whether a bias takes the same."""

    place: int
    columns: tuple[Operand, ...]
    update: Operand
    weight: Operand
    biased: bool


def find_early(tape: Tape, plan: Plan, logistic: Mapping[int, tuple[Operand, bool]]) -> list[Early]:
    """The sums that can be made early: products of columns and state, whose steps are one step by several columns.

    Only of those that nothing but logistic functions read: what is lost at the ends of the floats is nothing to them, and
    they tell what is infinite or missing.
    """
    columns, inputs = set(plan.columns), len(tape.inputs)
    fed = {k: tape.outputs[p] for k, p in zip(plan.state, plan.feedback, strict=True)}
    found = []
    for place, step in enumerate(tape.steps, inputs):
        if step.row.name not in ("dot", "net"):
            continue
        (weights, xs), rest = step.groups[:2], [p for g in step.groups[2:] for p in g]
        if not (columns >= set(xs) and all(p in fed for p in (*weights, *rest)) and len(rest) < 2):
            continue
        shapes = {_shape(tape, fed[w], {w: "w", x: "x"}) for w, x in zip(weights, xs, strict=True)}
        shape = shapes.pop()
        same = not rest or _shape(tape, fed[rest[0]], {rest[0]: "w"}) == _without_x(shape)
        if not shapes and _kind(shape) == "w" and "w" in shape[1:] and same and _only(tape, plan, place, logistic):
            found.append(Early(place, xs, fed[weights[0]], weights[0], bool(rest)))
    return found


def _only(tape: Tape, plan: Plan, place: int, logistic: Mapping[int, tuple[Operand, bool]]) -> bool:
    """Whether all that reads a place, or its negative, is a logistic function."""
    inputs = len(tape.inputs)
    readers = [k for k, step in enumerate(tape.steps, inputs) if place in step.operands()]
    negatives = [k for k in readers if tape.steps[k - inputs].row.name == "neg"]
    readers += [k for k, step in enumerate(tape.steps, inputs) if set(negatives) & set(step.operands())]
    told = {tape.outputs[p] for p in (*plan.feedback, *plan.collect)}
    return not told & {place, *negatives} and all(k in logistic or k in negatives for k in readers)


def row_to_come(low: Lowering, early: Early, known: Mapping[int, str], old: str, tape: Tape, coming: Mapping[int, str]) -> str:
    """The register of an early sum for the row to come; `old` is the one over the old weights.

    Written so that it waits for the last of its factors alone: where that is a short sum, for each of its terms.
    """
    product = low.number(1.0) if early.biased else ""
    for p in early.columns:
        term = low.operation("mul", known[p], coming[p])
        product = low.operation("add", product, term) if product else term
    minus, factors = _factors(tape, early.update, early.weight)
    sums = [p for p in factors if p >= len(tape.inputs) and tape.steps[p - len(tape.inputs)].row.name == "dot"]
    late = sums[0] if sums else factors[-1]
    terms: list[tuple[Operand, ...]] = [(late,)]
    if sums and len(pairs := list(zip(*tape.steps[late - len(tape.inputs)].groups, strict=True))) <= SHORT:
        terms = pairs
    fast, low.fast = low.fast, CONTRACT  # in this order

    def register(p: Operand) -> str:
        if p < 0:
            return low.number(tape.constants[-1 - p])
        return product if p == early.columns[0] else known[p]

    factors.remove(late)
    before, found = reduce(partial(low.operation, "mul"), map(register, factors)), old
    for *some, last in terms:
        scale = reduce(partial(low.operation, "mul"), [before, *map(register, some)])
        found = low.operation("sub" if minus else "add", found, low.operation("mul", scale, register(last)))
    low.fast = fast
    return found


def _factors(tape: Tape, update: Operand, weight: Operand) -> tuple[bool, list[Operand]]:
    """What a step w - a b c takes away or adds: whether it takes away, and the factors."""
    step = tape.steps[update - len(tape.inputs)]
    (other,) = (p for p in step.operands() if p != weight)
    minus, factors, left = step.row.name == "sub", [], [other]
    while left:
        p = left.pop(0)
        inner = tape.steps[p - len(tape.inputs)] if p >= len(tape.inputs) else None
        if inner is not None and inner.row.name in ("mul", "neg"):
            minus ^= inner.row.name == "neg"
            left = [*inner.operands(), *left]
        else:
            factors.append(p)
    return minus, factors


def _shape(tape: Tape, p: Operand, names: Mapping[Operand, str]) -> Any:
    """How a place is made by sums and products of named places and of others."""
    if p in names:
        return names[p]
    if p < len(tape.inputs):
        return p
    step = tape.steps[p - len(tape.inputs)]
    if step.row.name not in NAMES:
        return p
    return (step.row.name, *(_shape(tape, q, names) for q in step.operands()))


NAMES = {name for name, *_ in KINDS}


def _kind(shape: Any) -> str:
    if shape in ("w", "x"):
        return str(shape)
    if not isinstance(shape, tuple):
        return "1"
    return kind(shape[0], [*map(_kind, shape[1:])])


def _without_x(shape: Any) -> Any:
    """The shape of a step by 1."""
    if not isinstance(shape, tuple):
        return shape
    if shape[0] == "mul" and "x" in shape[1:]:
        return shape[2] if shape[1] == "x" else shape[1]
    return (shape[0], *map(_without_x, shape[1:]))
