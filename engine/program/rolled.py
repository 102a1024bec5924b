"""A tape and a plan as LLVM loops: families of steps as vectors across their members.

Every sum keeps its order, since a vector runs across the units and not along a sum. `run` puts the state
into the layout of the loops, does the rows, and puts it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

from engine.formula import REDUCTIONS
from engine.program.fit import Affine
from engine.program.layout import Block
from engine.program.loops import LANES, Loops
from engine.program.lowering import NotLowered, declarations, lowered, postorder
from engine.program.plan import Plan
from engine.program.schedule import Schedule
from engine.program.straight import head, tail
from engine.program.tape import Tape
from engine.program.tasks import Single, Sums, Task, Together
from engine.program.waiting import Waiting


LINES = 10_000  # instructions beside loops, above which LLVM takes too long
TILE = 16  # vectors that one loop over the terms of a sum carries along


class Rolled(NamedTuple):
    """The LLVM text, and how many numbers of room it needs."""

    text: str
    room: int


def rolled(tape: Tape, plan: Plan, strict: bool = True) -> Rolled:
    """The LLVM text of the graph as loops."""
    schedule = Schedule(tape, plan)
    alone = sum(isinstance(task, Single) for task in (*schedule.early, *schedule.late))
    if alone > LINES:
        raise NotLowered(f"{alone:,} instructions belong to no loop; machine code of more than {LINES:,} takes too long to make")
    return Rolled(_Writer(tape, plan, schedule, strict).text(), schedule.layout.size)


class _Writer(Loops):
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
        carried = "  %before = phi ptr [ %rows, %entry ], [ %row, %stored ]\n" if waiting else ""
        opening = head("rows", len(self.plan.columns), "  %refused = alloca i1\n", carried)
        body = opening + "\n".join(self.lines) + tail(self._after_all(waiting))
        return "\n".join([declarations(), *self.tables, body, self._frame()])

    def _check(self) -> None:
        """Leave before anything is stored if Python's arithmetic would refuse a number; read what is overwritten."""
        for k in (*self.plan.feedback, *self.plan.collect):
            if self.tape.outputs[k] < self.inputs:
                self.value(self.tape.outputs[k])
        flag = self.low.emit("load i1, ptr %refused")
        self.lines += [f"  br i1 {flag}, label %leave, label %go", "leave:", "  ret i64 %r", "go:"]
        self.block = "go"

    def _after_all(self, waiting: Sequence[Task]) -> str:
        """Do what still waits after the last row."""
        if not waiting:
            return ""
        self.lines = self.low.lines = []
        self.block, self.known, self.row = "last", {}, "%final"
        for task in waiting:
            self._task(task)
        lines = ["  %final = phi ptr [ %rows, %entry ], [ %row, %stored ]", "  br i1 %any, label %last, label %over"]
        return "\n".join([*lines, "last:", *self.lines, "  br label %over", "over:", ""])

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

    # ---- families of sums

    def _sums_updated(self, task: Sums) -> None:
        """Sums that do on their way what has waited since the row before, if there was one."""
        waiting = self.schedule.waiting[task.family]
        for leaf in waiting.update.leaves:
            if len(set(leaf)) == 1:
                self.value(leaf[0])  # here, and not in one of two branches
        before = dict(self.known)
        self.labels += 1
        first, later, both = (f"{name}{self.labels}" for name in ("first", "later", "both"))
        is_first = self.low.emit("icmp eq i64 %r, %start")
        self.lines.append(f"  br i1 {is_first}, label %{first}, label %{later}")
        for label, fresh in ((first, None), (later, self._updated(waiting))):
            self.lines.append(f"{label}:")
            self.block, self.known = label, dict(before)
            self._sums(task, fresh)
            self.lines.append(f"  br label %{both}")
        self.lines.append(f"{both}:")
        self.block, self.known = both, before

    def _updated(self, waiting: Waiting) -> Callable[[str, str], str]:
        """How what waits is done at (a, b), with the row before in hand: the new number, which is stored."""
        update = waiting.update
        self.row = "%before"
        read = [self._leaf(leaf, source, update.n) for leaf, source in zip(update.leaves, update.sources, strict=True)]
        self.row = "%row"

        def fresh(a: str, b: str) -> str:
            result = self._member(update.members[0], [r(a, b) for r in read], [0])
            self.scatter(waiting.target, a, b, result)
            return result

        return fresh

    def _sums(self, task: Sums, fresh: Callable[[str, str], str] | None = None) -> None:
        """Tiles of members; for each, one loop along the terms, one vector of which may have to be made `fresh`."""
        total = len(task.members)
        tile = min(TILE, total // LANES) * LANES
        whole = total // tile * tile if tile else 0
        if whole:
            self.loop(whole, tile, lambda a: self._tile(task, a, [(k, LANES) for k in range(0, tile, LANES)], fresh))
        rest, at = [], whole
        for lanes in (LANES, LANES // 2, LANES // 4, 1):
            while total - at >= lanes:
                rest.append((at, lanes))
                at += lanes
        if rest:
            self._tile(task, "0", rest, fresh)

    def _tile(
        self, task: Sums, first: str, chunks: list[tuple[int, int]], fresh: Callable[[str, str], str] | None
    ) -> None:
        """The sums of the members `first` + offset, in chunks of lanes, term by term."""
        low = self.low
        step = self.tape.steps[task.members[0] - self.inputs]
        f = lowered(step.row)
        (reduction,) = (g for g in postorder(f, {}) if g.op in REDUCTIONS)
        starts = [first if not k else str(k) if first == "0" else low.emit(f"add i64 {first}, {k}") for k, _ in chunks]
        self.labels += 1
        label, before = f"sum{self.labels}", self.block
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block, counter = label, f"%i{self.labels}"
        at = len(self.lines)
        strands = self._strands(task.terms, len(chunks))
        sums: list[list[str]] = []
        phis = []
        for c, (start, (_, lanes)) in enumerate(zip(starts, chunks, strict=True)):
            low.lanes = lanes
            sums.append([])
            for k in range(strands):
                symbols: dict[str, Any] = {}
                for s, affine in task.vectors.items():
                    if fresh is not None and s == self.schedule.waiting[task.family].symbol:
                        symbols[s] = fresh(low.emit(f"add i64 {counter}, {k}") if k else counter, start)
                        continue
                    base = "%row" if s in task.columns else "%mem"
                    along = Affine(affine.base + k * affine.inner, affine.inner, affine.outer)
                    symbols[s] = self.load(base, along, counter, start)
                term = low.formula(reduction.args[0], symbols, {}, raises=False)
                name, zero = f"%s{self.labels}.{c}.{k}", low.number(-0.0)
                sums[-1].append(low.operation("add", name, term))
                phis.append(f"  {name} = phi {low.type} [ {zero}, %{before} ], [ {sums[-1][-1]}, %{label} ]")
        low.lanes = 1
        after = low.emit(f"add nuw nsw i64 {counter}, {strands}")
        more = low.emit(f"icmp ult i64 {after}, {task.terms}")
        phis.append(f"  {counter} = phi i64 [ 0, %{before} ], [ {after}, %{label} ]")
        self.lines[at:at] = phis
        self.lines += [f"  br i1 {more}, label %{label}, label %{label}.end", f"{label}.end:"]
        self.block = f"{label}.end"
        flats = {s: self._leaf(flat, [self.schedule.address[p] for p in flat], len(flat)) for s, flat in task.flats.items()}
        target = Affine(task.target[0], 0, 1)
        for parts, start, (_, lanes) in zip(sums, starts, chunks, strict=True):
            low.lanes = lanes
            total = reduce(partial(low.operation, "add"), parts)
            symbols = {s: read("0", start) for s, read in flats.items()}
            self.scatter(target, "0", start, low.formula(f, symbols, {reduction: total}, raises=False))
        low.lanes = 1

    def _strands(self, terms: int, chunks: int) -> int:
        """Into how many sums each is split, so that additions need not wait for one another: one, if it must be exact."""
        if not self.low.fast:
            return 1
        return next(k for k in (4, 2, 1) if terms % k == 0 and (k == 1 or k * chunks <= TILE))
