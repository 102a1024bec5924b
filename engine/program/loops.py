"""Single steps, and loops over families of plain numbers, in LLVM text: vectors across the members."""

from __future__ import annotations

from collections.abc import Callable

from engine.program.fit import Affine, fit
from engine.program.lowering import Reduced, constant
from engine.program.memory import Memory
from engine.program.schedule import Schedule
from engine.program.tape import Operand, Tape
from engine.program.tasks import Each


LANES = 8  # numbers in one vector


class Loops(Memory):
    """Writes the steps of a tape where its schedule says."""

    def __init__(self, tape: Tape, schedule: Schedule, strict: bool) -> None:
        super().__init__(strict)
        self.tape, self.schedule = tape, schedule
        self.inputs = len(tape.inputs)
        self.columns = set(schedule.plan.columns)
        self.known: dict[int, str] = {}  # registers that are set whatever loops have run
        self.reduced: Reduced = {}  # and those of sums
        self.row = "%row"  # where columns are read

    def value(self, p: Operand) -> str:
        """The register that holds the number at a place, in straight code."""
        if p < 0:
            return constant(self.tape.constants[-1 - p])
        if p not in self.known:
            base = self.row if p in self.columns else "%mem"
            pointer = self.low.emit(f"getelementptr double, ptr {base}, i64 {self.schedule.address[p]}")
            self.known[p] = self.low.emit(f"load double, ptr {pointer}")
        return self.known[p]

    def _single(self, place: int) -> None:
        step = self.tape.steps[place - self.inputs]
        groups = [[self.value(p) for p in g] for g in step.groups]
        self.known[place] = self.low.row(step.row, groups, not step.row.quiet, self.reduced)
        if place in self.schedule.spilled:
            self.store("%mem", self.schedule.address[place], self.known[place])

    # ---- families of plain numbers

    def _each(self, parts: list[Each]) -> None:
        """Loops of equal counts as one, in vectors across their members."""
        total, n = len(parts[0].members), parts[0].n
        bodies = [self._member_at(part) for part in parts]

        def row(a: str) -> None:
            def vector(b: str) -> None:
                for body in bodies:
                    body(a, b)

            self.across(n, vector)

        self.loop(total // n, 1, row)

    def across(self, n: int, body: Callable[[str], None]) -> None:
        """`body(b)` for as many of `n` members as there are lanes, from b = 0 on: eight, then four, two and one."""
        begun = 0
        for lanes in (LANES, LANES // 2, LANES // 4, 1):
            count = (n - begun) // lanes * lanes
            self.low.lanes = lanes

            def vector(b: str, start: int = begun) -> None:
                body(b if not start else self.low.emit(f"add i64 {b}, {start}"))

            self.loop(count, lanes, vector)
            begun += count
        self.low.lanes = 1

    def _member_at(self, task: Each) -> Callable[[str, str], None]:
        """What a loop does at (a, b)."""
        n = task.n
        read = [self._leaf(leaf, source, n) for leaf, source in zip(task.leaves, task.sources, strict=True)]
        target = fit(task.target, n)
        table = self.table(task.target, "i64") if target is None else ""

        def body(a: str, b: str) -> None:
            result = self._member(task.members[0], [r(a, b) for r in read], [0])
            if target is not None:
                self.scatter(target, a, b, result)
            else:
                self.scatter_by(table, self.index(Affine(0, n, 1), a, b), result)

        return body

    def _leaf(self, leaf: list[Operand], source: list[int], n: int) -> Callable[[str, str], str]:
        """How an operand of a loop is read at (a, b)."""
        if len(set(leaf)) == 1:
            register = self.value(leaf[0])
            return lambda a, b: self.splat(register) if leaf[0] >= 0 else self.low.number(self.tape.constants[-1 - leaf[0]])
        base = self.row if leaf[0] in self.columns else "%mem"
        if leaf[0] < 0:
            base, affine = self.table([self.tape.constants[-1 - p] for p in leaf], "double"), Affine(0, n, 1)
            return lambda a, b: self.load(base, affine, a, b)
        found = fit(source, n)
        if found is not None:
            known = found
            return lambda a, b: self.load(base, known, a, b)
        table = self.table(source, "i64")

        def by_table(a: str, b: str) -> str:
            return self.gathered(base, self.spots_in(table, self.index(Affine(0, n, 1), a, b)))

        return by_table

    def _member(self, place: int, leaves: list[str], taken: list[int]) -> str:
        """The value of a member and of all that is computed inside its loop; `leaves` come in order."""
        step = self.tape.steps[place - self.inputs]
        found = self.schedule.found
        groups: list[list[str]] = []
        for g in step.groups:
            groups.append([])
            for p in g:
                if p >= 0 and found.of[p] in found.inside:
                    groups[-1].append(self._member(p, leaves, taken))
                else:
                    groups[-1].append(leaves[taken[0]])
                    taken[0] += 1
        return self.low.row(step.row, groups, raises=not step.row.quiet)
