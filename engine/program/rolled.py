"""A tape and a plan as LLVM loops: families of steps as vectors across their members.

`run` puts the state into the layout of the loops, does the rows, and puts it back.
"""

from __future__ import annotations

from functools import partial

from engine.program.fit import Affine
from engine.program.layout import Block
from engine.program.loops import LANES
from engine.program.lowering import NotLowered, Text, declarations
from engine.program.plan import Plan
from engine.program.schedule import Schedule
from engine.program.straight import head, tail
from engine.program.tape import Tape
from engine.program.tasks import Single, Task, Together
from engine.program.updated import UpdatedSums


LINES = 10_000  # instructions beside loops, above which LLVM takes too long
FLAGS = 128  # that one row may set: LLVM looks for vectors in their chain, in a time that grows with its cube


def rolled(tape: Tape, plan: Plan, strict: bool = True) -> Text:
    """The LLVM text of the graph as loops."""
    schedule = Schedule(tape, plan, strict)
    alone = sum(isinstance(task, Single) for task in (*schedule.early, *schedule.late))
    if alone > LINES:
        raise NotLowered(f"{alone:,} instructions belong to no loop; machine code of more than {LINES:,} takes too long to make")
    writer = _Writer(tape, plan, schedule, strict)
    return Text(writer.text(), schedule.layout.size, packed=writer.low.flags <= FLAGS)


class _Writer(UpdatedSums):
    def __init__(self, tape: Tape, plan: Plan, schedule: Schedule, strict: bool) -> None:
        super().__init__(tape, schedule, strict)
        self.plan = plan

    # ---- the function

    def text(self) -> str:
        self.lines.append("  store i1 false, ptr %refused")
        for task in self.schedule.early:
            self._task(task)
        self._check()
        waiting = [w.task for w in self.schedule.waiting.values()]
        for task in self.schedule.late:
            if task not in waiting:
                self._task(task)
        self._feed()
        self._collect()
        self.lines += ["  br label %stored", "stored:"]
        opening = head("rows", len(self.plan.columns), "  %refused = alloca i1\n  %unsafe = alloca i1\n", self._carried())
        body = opening + "\n".join(self.lines) + tail(self._after_all())
        return "\n".join([declarations(), *self.tables, body, self._frame()])

    def _check(self) -> None:
        """Leave before anything is stored if Python's arithmetic would refuse a number; read what is overwritten."""
        for k in (*self.plan.feedback, *self.plan.collect):
            if self.tape.outputs[k] < self.inputs:
                self.value(self.tape.outputs[k])
        flag = self.low.emit("load i1, ptr %refused")
        self.lines.append(f"  br i1 {flag}, label %leave, label %go")
        known = self.known
        self._begin("leave", known)
        self._made_up("%owes", "%before")
        self.lines.append("  ret i64 %r")
        self._begin("go", known)

    def _feed(self) -> None:
        """Store what becomes the state and is not written in place."""
        schedule = self.schedule
        waiting = []
        for k, p in zip(self.plan.state, self.plan.feedback, strict=True):
            place = self.tape.outputs[p]
            if place != k and not (place >= self.inputs and schedule.found.of[place] in schedule.in_place):
                waiting.append((k, self.value(place)))
        for k, register in waiting:
            for home in (schedule.layout.home, schedule.layout.copy):
                if k in home:
                    self.store("%mem", home[k], register)

    def _collect(self) -> None:
        for j, p in enumerate(self.plan.collect):
            register = self.value(self.tape.outputs[p])
            column = self.low.emit(f"mul i64 %n, {j}")
            index = self.low.emit(f"add i64 {column}, %r")
            pointer = self.low.emit(f"getelementptr double, ptr %collected, i64 {index}")
            self.lines.append(f"  store double {register}, ptr {pointer}")

    def _frame(self) -> str:
        """`run`: the state into its layout, the rows, and the state back."""
        frame: list[str] = []
        self.lines = self.low.lines = frame
        self.block = "entry"
        layout = self.schedule.layout
        for block in (*layout.blocks, *layout.copies):
            self._move(block, into=True)
        arguments = "ptr %rows, ptr %order, ptr %state, ptr %collected, ptr %mem, i64 %start, i64 %stop, i64 %n"
        frame.append(f"  %end = call i64 @rows({arguments})")
        for block in layout.blocks:
            self._move(block, into=False)
        return f"define i64 @run({arguments}) nounwind {{\nentry:\n" + "\n".join(frame) + "\n  ret i64 %end\n}\n"

    def _move(self, block: Block, into: bool) -> None:
        """Copy a block of the state between the caller's order and its layout."""
        across, along = (1, block.rows) if block.transposed else (block.columns, 1)
        tall = block.rows // LANES * LANES if block.transposed else 0  # rows that fill lines of the cache side by side

        def cell(j: str, i: str) -> None:
            outside = self.index(Affine(block.first, block.columns, 1), j, i)
            inside = self.index(Affine(block.address, across, along), j, i)
            ends = (("%state", outside), ("%mem", inside))[:: 1 if into else -1]
            pointers = [self.low.emit(f"getelementptr double, ptr {base}, i64 {i}") for base, i in ends]
            number = self.low.emit(f"load double, ptr {pointers[0]}")
            self.lines.append(f"  store double {number}, ptr {pointers[1]}")

        def line(j: str, i: str) -> None:
            for k in range(LANES):
                cell(j if not k else self.low.emit(f"add i64 {j}, {k}"), i)

        def beyond(j: str) -> str:
            return self.low.emit(f"add i64 {j}, {tall}")

        self.loop(tall, LANES, lambda j: self.loop(block.columns, 1, lambda i: line(j, i)))
        self.loop(block.rows - tall, 1, lambda j: self.loop(block.columns, 1, partial(cell, beyond(j))))

    # ---- tasks

    def _task(self, task: Task) -> None:
        if isinstance(task, Single):
            self._single(task.place)
        elif isinstance(task, Together):
            self._each(task.parts)
        elif task.family in self.schedule.waiting:
            self._sums_updated(task)
        else:
            self._sums(task)
