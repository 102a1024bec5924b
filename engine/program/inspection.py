"""A look into a program: each instruction with its number at given inputs, and what a run costs.

>>> from engine.program import compile
>>> w, x = Value(2.0, "w"), Value(3.0, "x")
>>> seen = compile((w * x).tanh(), [w, x], backend="python").inspect(0.5, 1.0)
>>> seen["w"].value, [i.value for i in seen if i.operation == "mul"]
(0.5, [0.5])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.formula import REDUCTIONS, each
from engine.program.families import Families
from engine.program.plan import Plan
from engine.program.roofline import Roofline, best, peak_bytes, peak_flops
from engine.program.schedule import Schedule
from engine.program.tape import Step, Tape
from engine.program.tasks import Each, Single, Sums, Together
from engine.source import opened
from engine.value import Value
from engine.whole import counted, integer


class Instruction(NamedTuple):
    """One place of a program: an input, which has no operation, or an instruction; a constant argument is itself."""

    id: int
    label: str
    operation: str
    arguments: tuple[int | float, ...]  # ids are int, constants float
    value: float


class Inspection:
    """What `Program.inspect` gives: `seen[id]` and `seen[label]` are instructions, `print(seen)` is the table."""

    def __init__(
        self, tape: Tape, numbers: list[float], loops: list[str], title: str, run: Callable[[int], object], code: tuple[str, str]
    ) -> None:
        self._tape, self._numbers, self._title, self._run = tape, numbers, title, run
        self.llvm, self.assembly = code  # as in `Program`
        self.loops = loops  # as in `Program.loops`
        self.instructions = [self._instruction(k, x) for k, x in enumerate(tape.walk(numbers))]

    def _instruction(self, k: int, x: float) -> Instruction:
        label, inputs = self._tape.label(k), len(self._tape.inputs)
        named = "" if label is None else str(label)
        if k < inputs:
            return Instruction(k, named, "", (), x)
        step, constants = self._tape.steps[k - inputs], self._tape.constants
        return Instruction(k, named, step.row.name, tuple(p if p >= 0 else constants[-1 - p] for p in step.operands()), x)

    @property
    def flops(self) -> int:
        """Operations on numbers in one run; a function like exp counts as one."""
        return sum(map(_flops, self._tape.steps))

    @property
    def bytes(self) -> int:
        """What one run reads and writes at least: its inputs and outputs."""
        return 8 * (len(self._tape.inputs) + len(self._tape.outputs))

    def roofline(self) -> Roofline:
        """Time a run here and now, and the most that this machine can do; takes a quarter of a second.

        `print` it: flops and bytes a second beside measured peaks, and the achieved part of the limit.
        Raises ImportError without llvmlite, which the peaks are measured with.
        """
        seconds, numbers = best(self._run), self.bytes // 8
        peaks = peak_flops(), peak_bytes(numbers)
        return Roofline(seconds, self.flops / seconds, peaks[0], self.bytes / seconds, peaks[1])

    @property
    def graph(self) -> list[Value]:
        """The outputs, recorded anew at these inputs from the instructions: what `draw` and `explain` read.

        >>> from engine import draw
        >>> from engine.program import compile
        >>> w, x = Value(2.0, "w"), Value(3.0, "x")
        >>> draw(compile((w * x).tanh(), [w, x], backend="python").inspect(0.5, 1.0).graph)
        <gradient graph: 4 nodes, 3 edges, root=0.4621>
        """
        places = regraphed(self._tape, self._numbers)
        return [places[p] for p in self._tape.outputs]

    def __getitem__(self, which: int | str) -> Instruction:
        """The instruction with this id or label; LookupError if there is none, or several of that label."""
        if (k := integer(which)) is not None:
            if 0 <= k < len(self.instructions):
                return self.instructions[k]
            raise LookupError(f"inspect: there is no instruction {which}; ids run from 0 to {len(self.instructions) - 1}")
        found = [i for i in self.instructions if i.label == which]
        if len(found) == 1:
            return found[0]
        if found:
            raise LookupError(f"inspect: {which!r} is the label of several; choose an id of {[i.id for i in found]}")
        raise LookupError(f"inspect: no instruction has the label {which!r}; print the inspection to see all labels")

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions)

    def __len__(self) -> int:
        return len(self.instructions)

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("id", "label", "operation", "value", "from")]
        for i in self.instructions:
            rows.append((str(i.id), i.label, i.operation, f"{i.value:.12g}", " ".join(map(str, i.arguments))))
        a, b, c, d = (max(len(r[k]) for r in rows) for k in range(4))
        lines = [f"{r[0]:>{a + 1}}  {r[1]:{b}}  {r[2]:{c}}  {r[3]:>{d}}  {r[4]}".rstrip() for r in rows]
        return "\n".join([f"{self._title}; {counted(self.flops, 'flop')}, {counted(self.bytes, 'byte')} a run", *lines])

    def __repr__(self) -> str:
        return f"Inspection of {self._title}"


def regraphed(tape: Tape, numbers: list[float]) -> list[Value]:
    """The Value at every place, recorded anew at these inputs."""
    inputs = [Value(x, label) for x, label in zip(numbers, tape.inputs, strict=True)]
    places: list[Value] = tape.walk(inputs)
    for v, step in zip(places[len(inputs) :], tape.steps, strict=True):
        v.label = step.label
    return places


def folds(tape: Tape, plan: Plan) -> dict[int, str]:
    """The loop that each place is computed in, if it is in one: its number, and what it does as in `tasks`."""
    schedule = Schedule(tape, plan)
    found: dict[int, str] = {}
    for number, task in enumerate([*schedule.early, *schedule.late], 1):
        if isinstance(task, Single):
            continue
        parts = task.parts if isinstance(task, Together) else [task]
        title = f"loop {number}: " + " with ".join(_task(part, tape) for part in parts)
        for part in parts:
            for member in part.members:
                found |= dict.fromkeys([member, *_inner(tape, schedule.found, member)], title)
    return found


def _inner(tape: Tape, found: Families, place: int) -> Iterator[int]:
    """The places that are computed inside the loop of a member."""
    for p in tape.steps[place - len(tape.inputs)].operands():
        if p >= 0 and found.of[p] in found.inside:
            yield p
            yield from _inner(tape, found, p)


def tasks(tape: Tape, plan: Plan) -> list[str]:
    """The loops and single instructions of a schedule, in order: "4 x dot of 3", "16 x sigmoid", "sse"."""
    schedule = Schedule(tape, plan)
    found = []
    for task in [*schedule.early, *schedule.late]:
        parts = task.parts if isinstance(task, Together) else [task]
        found.append(" with ".join(_task(part, tape) for part in parts))
    return found


def _task(task: Single | Sums | Each, tape: Tape) -> str:
    place = task.place if isinstance(task, Single) else task.members[0]
    name: str = tape.steps[place - len(tape.inputs)].row.name
    if isinstance(task, Single):
        return name
    return f"{len(task.members)} x {name}" + (f" of {task.terms}" if isinstance(task, Sums) else "")


def _flops(step: Step) -> int:
    """Of one instruction: element by element within a sum, and one less than its terms to add them."""
    terms = max(map(len, step.groups))
    count = 0
    for f in each(opened(step.row.value)):
        if f.op not in ("number", "symbol"):
            count += terms - 1 if f.op in REDUCTIONS else terms if f.vector else 1
    return count
