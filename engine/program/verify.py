"""The proof that a compiled program is the graph: the same outputs, bit by bit, where the walk has been.

The walk knows nothing of tapes. It reads every node of the graph itself, in the order of creation, on
plain numbers: the recorded ones, and some that were drawn from a fixed seed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from engine.program.plan import Plan, Run, Runner, store
from engine.program.tape import Tape, same
from engine.recording import record
from engine.source import recorder
from engine.value import Value


DRAWS = 3  # at random inputs
MANY = 50_000  # nodes, above which one draw must do
ROWS = 5  # in one go: what may wait for two rows has waited, was done, and waits again
RELATIVE = 1e-9  # what strict=False may differ by


class Miscompiled(RuntimeError):
    """A compiled program that is not the graph. It is never run for a user."""


class Case(NamedTuple):
    """Inputs, and what the walk gives there: the outputs, or None if it raises."""

    numbers: list[float]
    outputs: list[float] | None


def cases(outputs: Sequence[Value], inputs: Sequence[Value], nodes: Sequence[Value]) -> list[Case]:
    """The recorded numbers, and random ones near them and far from them, each with what the walk gives."""
    recorded = [v.data for v in inputs]
    random = Random(len(nodes))
    found = [Case(recorded, [v.data for v in outputs])]
    for k in range(1 if len(nodes) > MANY else DRAWS):
        spread = (0.01, 1.0, 0.0)[k]
        numbers = [(x if spread else 0.0) + random.gauss(0.0, spread or 1.0) for x in recorded]
        found.append(Case(numbers, _walked(nodes, outputs, inputs, numbers)))
    return found


def _walked(nodes: Any, outputs: Any, inputs: Any, numbers: list[float]) -> list[float] | None:
    data: dict[Value, float] = dict(zip(inputs, numbers, strict=True))
    get = data.get
    for n in nodes:
        row = n.op
        if row is None:
            continue
        args: list[Any] = [[get(p, p.data) if p.__class__ is Value else p for p in g] for g in n._groups()]
        args = [g[0] for g in args] if row.flat else [g if v else g[0] for g, v in zip(args, row.vector, strict=True)]
        try:
            data[n] = recorder(row.name, "f")(*args)
        except (ArithmeticError, ValueError):
            try:
                data[n] = record(row, *args)
            except ArithmeticError:
                return None
    return [get(v, v.data) for v in outputs]


def first_difference(runner: Runner, plan: Plan, cases: Sequence[Case], tape: Tape, strict: bool) -> str:
    """Where the runner of `plan` differs from the walk; empty if it does not."""
    for case in cases:
        rows = array("d", [case.numbers[k] for k in plan.columns])
        state = array("d", [case.numbers[k] for k in plan.state])
        run = Run(memoryview(rows), memoryview(state), None, array("d", [0.0] * len(plan.collect)), 1)
        if runner(run, 0, 1) == 0:  # it leaves the row to the tape, instruction by instruction
            try:
                store(plan, run, 0, tape.run(case.numbers))
            except ArithmeticError:
                if case.outputs is None:
                    continue
        if case.outputs is None:
            return "it does not notice what the graph refuses"
        for p, x in zip((*plan.feedback, *plan.collect), (*state, *run.collected), strict=True):
            if not agree(x, case.outputs[p], strict):
                return f"output {p} is {x!r}, and {case.outputs[p]!r} on the graph"
    return _between_rows(runner, plan, cases, strict) if plan.state else ""


def _between_rows(runner: Runner, plan: Plan, cases: Sequence[Case], strict: bool) -> str:
    """Where rows done in one go differ from the same rows one by one; empty if they do not.

    What is carried from row to row, or waits for the next, is seen only here.
    """
    given = [case.numbers for case in cases if case.outputs is not None]  # one that is refused would end the run
    rows = array("d", [numbers[k] for numbers in (given * ROWS)[:ROWS] for k in plan.columns])
    n, ends, found = ROWS, [], []
    for stops in (range(1, n + 1), [n]):
        state = array("d", [cases[0].numbers[k] for k in plan.state])
        run = Run(memoryview(rows), memoryview(state), None, array("d", bytes(8 * n * len(plan.collect))), n)
        done = 0
        for stop in stops:
            if (done := runner(run, done, stop)) < stop:
                break
        ends.append(done)
        found.append((*state, *run.collected))
    if ends[0] != ends[1]:
        return f"{n} rows in one go end at row {ends[1]}, and at row {ends[0]} one by one"
    for p, q in zip(*found, strict=True):
        if not agree(q, p, strict):
            return f"{n} rows in one go give {q!r}, and {p!r} one by one"
    return ""


def agree(p: float, q: float, strict: bool) -> bool:
    """Whether a number of a program is the graph's: in every bit, or if it need not be strict within RELATIVE."""
    return same(p, q) or (not strict and math.isclose(p, q, rel_tol=RELATIVE, abs_tol=RELATIVE))
