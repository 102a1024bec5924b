"""A tape and a plan as one LLVM function: a loop over the rows whose body is the graph, line by line.

`run(rows, order, state, collected, scratch, start, stop)` does the rows `start` to `stop` and returns
`stop`, or the row that holds something Python's arithmetic would refuse, before anything of it is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.program.lowering import Lowering, declarations
from engine.program.plan import Plan
from engine.program.tape import Tape


HEAD = """
define i64 @NAME(ptr noalias readonly %rows, ptr noalias readonly %order, ptr noalias %state, ptr noalias %collected, \
ptr noalias %mem, i64 %start, i64 %stop, i64 %n) nounwind {
entry:
  %ordered = icmp ne ptr %order, null
  %any = icmp slt i64 %start, %stop
  br i1 %any, label %next, label %done
next:
  %r = phi i64 [ %start, %entry ], [ %after, %stored ]
  br i1 %ordered, label %look, label %read
look:
  %place = getelementptr i64, ptr %order, i64 %r
  %kept = load i64, ptr %place
  br label %read
read:
  %k = phi i64 [ %r, %next ], [ %kept, %look ]
  %offset = mul i64 %k, WIDTH
  %row = getelementptr double, ptr %rows, i64 %offset
"""
TAIL = """
  %after = add i64 %r, 1
  %more = icmp slt i64 %after, %stop
  br i1 %more, label %next, label %done
done:
  %end = phi i64 [ %start, %entry ], [ %after, %stored ]
  ret i64 %end
}
"""


def head(name: str, width: int) -> str:
    """The function's opening, up to the row in hand."""
    return HEAD.replace("NAME", name).replace("WIDTH", str(width))


def straight(tape: Tape, plan: Plan, strict: bool = True) -> tuple[str, int]:
    """The LLVM text of the whole graph, unrolled, and the room it needs beside its buffers: none."""
    lines: list[str] = []
    low = Lowering(lines, strict)
    inputs = len(tape.inputs)
    where = {k: f"%row, i64 {i}" for i, k in enumerate(plan.columns)}
    where |= {k: f"%state, i64 {i}" for i, k in enumerate(plan.state)}
    registers: dict[int, str] = {}

    def operand(p: int) -> str:
        if p < 0:
            return low.number(tape.constants[-1 - p])
        if p not in registers:
            pointer = low.emit(f"getelementptr double, ptr {where[p]}")
            registers[p] = low.emit(f"load double, ptr {pointer}")
        return registers[p]

    wanted = {tape.outputs[k] for k in (*plan.feedback, *plan.collect)}
    for k, step in enumerate(tape.steps):
        groups = [[operand(p) for p in g] for g in step.groups]
        registers[inputs + k] = low.row(step.row, groups, raises=not step.quiet)
    values = {p: operand(p) for p in sorted(wanted)}
    if low.flag is not None:
        lines += [f"  br i1 {low.flag}, label %refused, label %store", "refused:", "  ret i64 %r"]
    else:
        lines += ["  br label %store"]
    lines += ["store:", *_stores(tape, plan, low, values)]
    return _function(lines, len(plan.columns)), 0


def _stores(tape: Tape, plan: Plan, low: Lowering, values: dict[int, str]) -> list[str]:
    """The instructions that keep the outputs."""
    start = len(low.lines)
    for j, (k, p) in enumerate(zip(plan.state, plan.feedback, strict=True)):
        if tape.outputs[p] != k:  # what stays as it is needs no storing
            pointer = low.emit(f"getelementptr double, ptr %state, i64 {j}")
            low.lines.append(f"  store double {values[tape.outputs[p]]}, ptr {pointer}")
    for j, p in enumerate(plan.collect):
        column = low.emit(f"mul i64 %n, {j}")
        index = low.emit(f"add i64 {column}, %r")
        pointer = low.emit(f"getelementptr double, ptr %collected, i64 {index}")
        low.lines.append(f"  store double {values[tape.outputs[p]]}, ptr {pointer}")
    stores = low.lines[start:]
    del low.lines[start:]
    return stores


def _function(body: Sequence[str], width: int) -> str:
    text = declarations() + head("run", width) + "\n".join(body)
    return text + "\n  br label %stored\nstored:" + TAIL
