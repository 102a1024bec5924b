"""Repeated structure found again: steps that do the same with different numbers, as families.

The units of a layer are a family, and so are the updates of its weights. Members have the same row over
operands of the same families, at the same depth of the graph; so a family comes after all that it needs,
and its members do not need each other. Where the numbers of its members lie is fitted later, member by
member: a family is only an offer to make a loop.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from engine.formula import each
from engine.program.lowering import LIBRARY
from engine.program.plan import Plan
from engine.program.tape import Operand, Tape
from engine.source import opened


CONSTANT, COLUMN, STATE, FIXED = -1, -2, -3, -4  # no families: constants, columns, state, and state that stays
SHORT, SMALL = 200, 1_000  # steps, and their operands, up to which a straight line may be better than loops
LOOP = 4  # members, from which a family is worth a loop


class Families(NamedTuple):
    """`members` lists places, `of` gives the family of every place; families come after those they need.

    `inside` holds the families that are read once by one other family, member by member: they are
    computed inside its loop.
    """

    members: list[list[int]]
    of: list[int]
    inside: set[int]


def find_families(tape: Tape, plan: Plan) -> Families:
    """The families of a tape."""
    inputs = len(tape.inputs)
    of = [COLUMN] * inputs + [0] * len(tape.steps)
    for k, p in zip(plan.state, plan.feedback, strict=True):
        of[k] = FIXED if tape.outputs[p] == k else STATE
    depth = [0] * inputs
    for step in tape.steps:
        deepest = 0
        for g in step.groups:
            for p in g:
                if p >= 0 and depth[p] > deepest:
                    deepest = depth[p]
        depth.append(1 + deepest)
    members: list[list[int]] = []
    known: dict[Any, int] = {}
    for place in sorted(range(inputs, len(depth)), key=depth.__getitem__):
        step = tape.steps[place - inputs]
        kinds: list[Any] = []
        for g in step.groups:
            if len(g) == 1:
                kinds.append(of[g[0]] if g[0] >= 0 else CONSTANT)
            else:
                inner = {of[p] if p >= 0 else CONSTANT for p in g}
                kinds.append((len(g), inner.pop()) if len(inner) == 1 else ("mixed", place))
        key = (depth[place], step.row.name, step.row.quiet, *kinds)
        if key not in known:
            known[key] = len(members)
            members.append([])
        of[place] = known[key]
        members[known[key]].append(place)
    return Families(members, of, _inside(tape, members, of))


def _inside(tape: Tape, members: list[list[int]], of: list[int]) -> set[int]:
    """Families that are read once, all by one family as large, which must be of plain numbers like them.

    Those that call the library are not: beside one another their calls may be one.
    """
    inputs = len(tape.inputs)
    uses = [0] * len(of)
    reader = [(-1, -1)] * len(of)
    for place, step in enumerate(tape.steps, inputs):
        for slot, p in enumerate(itertools.chain.from_iterable(step.groups)):
            if p >= inputs:
                uses[p] += 1
                reader[p] = (of[place], slot)
    for p in tape.outputs:
        uses[p] += 2
    found = set()
    for f, places in enumerate(members):
        row = _row(tape, places[0])
        if len(places) >= LOOP and not any(row.vector) and not calls(row):
            readers = {reader[p] for p in places}
            g = readers.pop()[0]
            one_reader = not readers and all(uses[p] == 1 for p in places)
            if one_reader and len(members[g]) == len(places) and not any(_row(tape, members[g][0]).vector):
                found.add(f)
    return found


def narrow(tape: Tape, plan: Plan) -> bool:
    """Whether no family of a short tape fills a vector: then a straight line is the faster program."""
    return len(tape.steps) <= SHORT and tape.size <= SMALL and max(map(len, find_families(tape, plan).members), default=0) < 8


def calls(row: Any) -> bool:
    """Whether a row calls the library."""
    return any(g.op in LIBRARY or g.op == "power" for g in each(opened(row.value)))


def _row(tape: Tape, place: int) -> Any:
    return tape.steps[place - len(tape.inputs)].row


def operands(tape: Tape, found: Families, place: int) -> list[Operand]:
    """What the member reads from memory, in order, through all that is computed inside its loop."""
    out: list[Operand] = []
    for g in tape.steps[place - len(tape.inputs)].groups:
        for p in g:
            if p >= 0 and found.of[p] in found.inside:
                out += operands(tape, found, p)
            else:
                out.append(p)
    return out
