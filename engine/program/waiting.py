"""Updates that wait for the next row, so that large weights pass through the cache once less.

A layer that reads the row itself has weights that nothing but its sums needs. Their update ends one row, their
sums begin the next, and both go over the same memory in the same order: done together, each number is read
once, updated, stored and used. After the last row the update is done alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from engine.program.ahead import Ahead, find_ahead
from engine.program.families import COLUMN, FIXED, Families
from engine.program.fit import Affine, fit
from engine.program.plan import Plan
from engine.program.tape import Tape
from engine.program.tasks import Each, Single, Sums, Task, Together


MANY = 1_000  # numbers that are updated, from which it pays


class Waiting(NamedTuple):
    """The task that waits, its loop, where it writes, the vector of the sums that this is, and how two can wait."""

    task: Together
    update: Each
    target: Affine
    symbol: str
    ahead: Ahead | None


def find_waiting(
    early: Sequence[Task], late: Sequence[Task], fed: Mapping[int, Sequence[int]], found: Families, tape: Tape, plan: Plan,
    room: Callable[[int], int] | None,
) -> dict[int, Waiting]:
    """What waits, by the family of the sums that it waits for; the tasks are some of `late`.

    `fed` has the inputs of the state that each place is the next number of. With `room`, which makes addresses,
    updates of two rows wait where they can: sums need not keep their order.
    """
    updates = [t for t in late if isinstance(t, Together) and len(t.parts) == 1 and len(t.first.members) >= MANY]
    if not updates:
        return {}
    uses = [0] * (len(tape.inputs) + len(tape.steps))
    for step in tape.steps:
        for p in step.operands():
            if p >= 0:
                uses[p] += 1
    told = {tape.outputs[p] for p in (*plan.feedback, *plan.collect)}
    collected = {tape.outputs[p] for p in plan.collect}
    order: dict[int, int] = {}
    for k, task in enumerate([*early, *late]):
        if not isinstance(task, Single):
            order |= dict.fromkeys([part.family for part in (task.parts if isinstance(task, Together) else [task])], k)
    waits = {}
    for task in updates:
        update = task.first
        target = fit(update.target, update.n)
        old = [k for m in update.members for k in fed.get(m, ())]
        alone = all(uses[k] == 2 and k not in told for k in old) and not any(uses[m] or m in collected for m in update.members)
        if target is None or not alone or update.target not in update.sources:
            continue
        for sums in [task for task in early if isinstance(task, Sums)]:
            symbol = _read_alike(update, target, sums)
            if symbol and _from_what_stays(update, found, order, order[sums.family]):
                ahead = None if room is None else find_ahead(update, sums, found, tape, room)
                waits[sums.family] = Waiting(task, update, target, symbol, ahead)
    return waits


def _read_alike(update: Each, target: Affine, sums: Sums) -> str:
    """The vector of the sums that runs over what is updated: a term of all of them is a line of the update."""
    if update.n != len(sums.members) or len(update.members) != update.n * sums.terms:
        return ""
    here = (target.base, target.inner, target.outer)
    return next((s for s, a in sums.vectors.items() if s not in sums.columns and (a.base, a.outer, a.inner) == here), "")


def _from_what_stays(update: Each, found: Families, order: Mapping[int, int], now: int) -> bool:
    """Whether all else that the update reads is still there when the sums of the next row are done, at `now`."""
    for leaf, source in zip(update.leaves, update.sources, strict=True):
        kinds = {found.of[p] if p >= 0 else FIXED for p in leaf}
        if source == update.target or kinds == {FIXED}:
            continue
        if len(set(leaf)) == 1 or len(kinds) > 1 or fit(source, update.n) is None:
            return False
        (kind,) = kinds
        if kind != COLUMN and order.get(kind, -1) <= now:
            return False
    return True
