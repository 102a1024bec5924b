"""A tape and a plan as one LLVM function: a loop over the rows whose body is the graph, line by line.

`run(rows, order, state, collected, scratch, start, stop)` does the rows `start` to `stop` and returns
`stop`, or the row that holds something Python's arithmetic would refuse, before anything of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.ops import TABLE
from engine.program.early import Early, find_early, row_to_come
from engine.program.logistic import both, table
from engine.program.lowering import Lowering, Reduced, Text, declarations, lowered
from engine.program.plan import Plan
from engine.program.tape import Operand, Tape


REGISTERS = 32  # numbers of the state that can stay in registers
HEAD = """
define i64 @NAME(ptr noalias readonly %rows, ptr noalias readonly %order, ptr noalias %state, ptr noalias %collected, \
ptr noalias %mem, i64 %start, i64 %stop, i64 %n) nounwind {
entry:
OPENING  %ordered = icmp ne ptr %order, null
  %any = icmp slt i64 %start, %stop
  br i1 %any, label %INTO, label %done
BEGINnext:
  %r = phi i64 [ %start, %BEFORE ], [ %after, %stored ]
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


def head(name: str, width: int, opening: str = "", carried: str = "", begin: str = "") -> str:
    """The function's opening, up to the row in hand; `begin` is what is done once before, if there are rows."""
    text = HEAD.replace("OPENING", opening).replace("CARRIED", carried).replace("BEGIN", begin)
    text = text.replace("INTO", "begin" if begin else "next").replace("BEFORE", "begun" if begin else "entry")
    return text.replace("NAME", name).replace("WIDTH", str(width))


def visit_to_come(low: Lowering) -> str:
    """The register of the visit after the one in hand; after the last the one in hand, whose row does no harm."""
    after = low.emit("add i64 %r, 1")
    return low.emit(f"select i1 {low.emit(f'icmp slt i64 {after}, %stop')}, i64 {after}, i64 %r")


def row_of(low: Lowering, visit: str, before: str, label: str, width: int) -> str:
    """The pointer to the row of a visit; leads from the block `before` to one with this label."""
    low.lines += [f"  br i1 %ordered, label %{label}.look, label %{label}", f"{label}.look:"]
    kept = low.emit(f"load i64, ptr {low.emit(f'getelementptr i64, ptr %order, i64 {visit}')}")
    low.lines += [f"  br label %{label}", f"{label}:"]
    k = low.emit(f"phi i64 [ {visit}, %{before} ], [ {kept}, %{label}.look ]")
    return low.emit(f"getelementptr double, ptr %rows, i64 {low.emit(f'mul i64 {k}, {width}')}")


def tail(closing: str = "") -> str:
    """The function's end, from the row that is done."""
    return TAIL.replace("CLOSING", closing)


def straight(tape: Tape, plan: Plan, strict: bool = True) -> Text:
    """The LLVM text of the whole graph, unrolled. A small state stays in registers from one row to the next.

    If it need not be strict, logistic functions come from a table; what lies beyond it is computed once more, without.
    """
    low = Lowering([], strict)
    carried = plan.state if len(plan.state) <= REGISTERS else ()
    found = {} if strict else logistics(tape)
    early = [] if strict or not carried else find_early(tape, plan, found)
    known = {k: f"%s{j}" for j, k in enumerate(carried)}
    known |= {e.place: f"%early{e.place}" for e in early}
    coming: Mapping[int, str] = {}
    if early:
        coming = _row(low, visit_to_come(low), "read", "coming", early, plan)
    body = _Body(tape, plan, low, known, found)
    body.write()
    values, flag = body.values, low.flag
    sums = body.to_come(early, coming)
    if found:
        low.lines += [f"  br i1 {body.inside}, label %within, label %beyond", "beyond:"]
        low.flag = None
        known = {p: r for p, r in body.registers.items() if p < len(tape.inputs)}
        again = _Body(tape, plan, low, known, {})
        again.write()
        later = again.to_come(early, coming)
        low.lines += ["  br label %joined", "within:", "  br label %joined", "joined:"]

        def joined(kind: str, first: str, second: str) -> str:
            return low.emit(f"phi {kind} [ {first}, %within ], [ {second}, %beyond ]")

        values = {p: joined("double", r, again.values[p]) for p, r in values.items()}
        sums = [joined("double", r, q) for r, q in zip(sums, later, strict=True)]
        flag = joined("i1", flag or "false", low.flag or "false")
    lines = low.lines
    if flag is not None:
        lines.append(f"  br i1 {flag}, label %refused, label %store")
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
    begin = ""
    if early:
        phis += [f"  %early{e.place} = phi double [ %begin{e.place}, %entry ], [ {r}, %stored ]" for e, r in zip(early, sums, strict=True)]
        phis = [phi.replace("%entry", "%begun") for phi in phis]
        begin = _begin(tape, plan, Lowering([], strict), early)
    text = declarations() + head("run", len(plan.columns), _text(opening), _text(phis), begin) + "\n".join(lines)
    text += "\n  br label %stored\nstored:" + tail(_text(closing))
    return Text(text, table=table()[0] if found else 0, packed=False)


class _Body:
    """The graph once: its lines, the registers of its places, and the values that outputs need."""

    def __init__(
        self, tape: Tape, plan: Plan, low: Lowering, known: Mapping[int, str], found: Mapping[int, tuple[Operand, bool]]
    ) -> None:
        self.tape, self.plan, self.low, self.found = tape, plan, low, found
        self.registers = dict(known)
        self.where = {k: f"%row, i64 {i}" for i, k in enumerate(plan.columns)}
        self.where |= {k: f"%state, i64 {i}" for i, k in enumerate(plan.state)}
        self.values: dict[int, str] = {}
        self.inside = ""  # the register that says whether every logistic function was within its table
        self.reduced: Reduced = {}
        self._pairs: dict[Operand, tuple[str, str]] = {}

    def write(self) -> None:
        for place, step in enumerate(self.tape.steps, len(self.tape.inputs)):
            if place in self.registers:
                continue
            if place in self.found:
                self.registers[place] = self._logistic(*self.found[place])
                continue
            groups = [[self._operand(p) for p in g] for g in step.groups]
            self.registers[place] = self.low.row(step.row, groups, not step.row.quiet, self.reduced)
        wanted = {self.tape.outputs[k] for k in (*self.plan.feedback, *self.plan.collect)}
        self.values = {p: self._operand(p) for p in sorted(wanted)}

    def to_come(self, early: Sequence[Early], coming: Mapping[int, str]) -> list[str]:
        """The registers of early sums for the row to come, of which `coming` are the columns."""
        found = []
        for e in early:
            step = self.tape.steps[e.place - len(self.tape.inputs)]
            groups = [[coming[p] if p in coming else self._operand(p) for p in g] for g in step.groups]
            old = self.low.row(step.row, groups, raises=False)
            known = self.registers | {p: self._operand(p) for p in e.columns}
            found.append(row_to_come(self.low, e, known, old, self.tape, coming))
        return found

    def _operand(self, p: Operand) -> str:
        if p < 0:
            return self.low.number(self.tape.constants[-1 - p])
        if p not in self.registers:
            pointer = self.low.emit(f"getelementptr double, ptr {self.where[p]}")
            self.registers[p] = self.low.emit(f"load double, ptr {pointer}")
        return self.registers[p]

    def _logistic(self, a: Operand, negative: bool) -> str:
        if a not in self._pairs:
            s, other, inside = both(self.low, self._operand(a), "%mem")
            self._pairs[a] = s, other
            self.inside = self.low.emit(f"and i1 {self.inside}, {inside}") if self.inside else inside
        return self._pairs[a][negative]


def logistics(tape: Tape) -> dict[int, tuple[Operand, bool]]:
    """The places of logistic functions, of what, and whether of its negative."""
    f, found = lowered(TABLE["sigmoid"]), {}
    for place, step in enumerate(tape.steps, len(tape.inputs)):
        if len(step.groups) == 1 and lowered(step.row) == f:
            (a,) = step.groups[0]
            inner = tape.steps[a - len(tape.inputs)] if a >= len(tape.inputs) else None
            negative = inner is not None and inner.row.name == "neg"
            found[place] = (inner.groups[0][0], True) if inner and negative else (a, False)
    return found


def _begin(tape: Tape, plan: Plan, low: Lowering, early: Sequence[Early]) -> str:
    """What is done before the first row: its early sums."""
    row = _row(low, "%start", "begin", "begin.row", early, plan) | {k: f"%first{j}" for j, k in enumerate(plan.state)}
    for e in early:
        step = tape.steps[e.place - len(tape.inputs)]
        made = low.row(step.row, [[row[p] for p in g] for g in step.groups], raises=False)
        low.lines.append(f"  %begin{e.place} = fadd double {made}, {low.number(-0.0)}")
    text = _text(["begin:", *low.lines, "  br label %begun", "begun:", "  br label %next"])
    return text.replace("%v", "%begin.v")


def _row(low: Lowering, visit: str, before: str, label: str, early: Sequence[Early], plan: Plan) -> dict[int, str]:
    """The registers of the columns of early sums in the row of a visit."""
    row = row_of(low, visit, before, label, len(plan.columns))
    columns = {p for e in early for p in e.columns}
    at = {p: low.emit(f"getelementptr double, ptr {row}, i64 {i}") for i, p in enumerate(plan.columns) if p in columns}
    return {p: low.emit(f"load double, ptr {pointer}") for p, pointer in at.items()}


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
