"""A tape and a plan as one LLVM function: a loop over the rows whose body is the graph, line by line.

`run(rows, order, state, collected, scratch, start, stop)` does the rows `start` to `stop` and returns
`stop`, or the row that holds something Python's arithmetic would refuse, before anything of it is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.program.lowering import Lowering, declarations
from engine.program.plan import Plan
from engine.program.tape import Tape


REGISTERS = 32  # numbers of the state that can stay in registers
HEAD = """
define i64 @NAME(ptr noalias readonly %rows, ptr noalias readonly %order, ptr noalias %state, ptr noalias %collected, \
ptr noalias %mem, i64 %start, i64 %stop, i64 %n) nounwind {
entry:
OPENING  %ordered = icmp ne ptr %order, null
  %any = icmp slt i64 %start, %stop
  br i1 %any, label %next, label %done
next:
  %r = phi i64 [ %start, %entry ], [ %after, %stored ]
CARRIED  br i1 %ordered, label %look, label %read
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
CLOSING  ret i64 %end
}
"""


def head(name: str, width: int, opening: str = "", carried: str = "") -> str:
    """The function's opening, up to the row in hand."""
    text = HEAD.replace("OPENING", opening).replace("CARRIED", carried)
    return text.replace("NAME", name).replace("WIDTH", str(width))


def tail(closing: str = "") -> str:
    """The function's end, from the row that is done."""
    return TAIL.replace("CLOSING", closing)


def straight(tape: Tape, plan: Plan, strict: bool = True) -> tuple[str, int]:
    """The LLVM text of the whole graph, unrolled, and the room it needs beside its buffers: none.

    A small state stays in registers from one row to the next.
    """
    lines: list[str] = []
    low = Lowering(lines, strict)
    inputs = len(tape.inputs)
    carried = plan.state if len(plan.state) <= REGISTERS else ()
    where = {k: f"%row, i64 {i}" for i, k in enumerate(plan.columns)}
    where |= {k: f"%state, i64 {i}" for i, k in enumerate(plan.state)}
    registers: dict[int, str] = {k: f"%s{j}" for j, k in enumerate(carried)}

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
        registers[inputs + k] = low.row(step.row, groups, raises=not step.row.quiet)
    values = {p: operand(p) for p in sorted(wanted)}
    if low.flag is not None:
        lines.append(f"  br i1 {low.flag}, label %refused, label %store")
        lines += ["refused:", *_kept("refused", [f"%s{j}" for j in range(len(carried))]), "  ret i64 %r"]
    else:
        lines.append("  br label %store")
    lines.append("store:")
    if not carried:
        _feed(tape, plan, low, values)
    _collect(tape, plan, low, values)
    new = [values[tape.outputs[p]] for p in plan.feedback[: len(carried)]]
    opening, phis, ends = [], [], []
    for j, register in enumerate(new):
        opening += [f"  %first{j}.at = getelementptr double, ptr %state, i64 {j}", f"  %first{j} = load double, ptr %first{j}.at"]
        phis.append(f"  %s{j} = phi double [ %first{j}, %entry ], [ {register}, %stored ]")
        ends.append(f"  %last{j} = phi double [ %first{j}, %entry ], [ {register}, %stored ]")
    closing = [*ends, *_kept("done", [f"%last{j}" for j in range(len(carried))])]
    text = declarations() + head("run", len(plan.columns), _text(opening), _text(phis)) + "\n".join(lines)
    return text + "\n  br label %stored\nstored:" + tail(_text(closing)), 0


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _kept(block: str, registers: Sequence[str]) -> list[str]:
    """The instructions that store the state that was carried."""
    lines = []
    for j, register in enumerate(registers):
        lines.append(f"  %{block}{j} = getelementptr double, ptr %state, i64 {j}")
        lines.append(f"  store double {register}, ptr %{block}{j}")
    return lines


def _feed(tape: Tape, plan: Plan, low: Lowering, values: dict[int, str]) -> None:
    """Store what becomes the state."""
    for j, (k, p) in enumerate(zip(plan.state, plan.feedback, strict=True)):
        if tape.outputs[p] != k:  # what stays as it is needs no storing
            pointer = low.emit(f"getelementptr double, ptr %state, i64 {j}")
            low.lines.append(f"  store double {values[tape.outputs[p]]}, ptr {pointer}")


def _collect(tape: Tape, plan: Plan, low: Lowering, values: dict[int, str]) -> None:
    """Store what is kept of the row."""
    for j, p in enumerate(plan.collect):
        column = low.emit(f"mul i64 %n, {j}")
        index = low.emit(f"add i64 {column}, %r")
        pointer = low.emit(f"getelementptr double, ptr %collected, i64 {index}")
        low.lines.append(f"  store double {values[tape.outputs[p]]}, ptr {pointer}")
