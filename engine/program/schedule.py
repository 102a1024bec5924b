"""The order in which a rolled program computes, and the address of every number in it.

Updates of the state come last and are written in place, where nothing needs the old number any more;
everything else has room of its own. Families become loops if there is a pattern in their addresses, and
remain single steps if there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.formula import REDUCTIONS
from engine.program.families import COLUMN, CONSTANT, LOOP, Families, calls, find_families, operands
from engine.program.fit import fit, rows_of
from engine.program.layout import Layout
from engine.program.lowering import RAISING, lowered, never_refused, postorder
from engine.program.plan import Plan
from engine.program.tape import Operand, Tape
from engine.program.tasks import Each, Single, Sums, Task, Together
from engine.program.waiting import find_waiting


LONG = 64  # terms of a sum, from which it is a loop even where it is alone


class Schedule:
    """Tasks, those of `late` after what can still be refused, and the address of every place."""

    def __init__(self, tape: Tape, plan: Plan, strict: bool = True) -> None:
        self.tape, self.plan = tape, plan
        self.inputs = len(tape.inputs)
        self.found = find_families(tape, plan)
        self.layout = Layout(tape, plan, self.found)
        self.address = [0] * (self.inputs + len(tape.steps))
        for i, k in enumerate(plan.columns):
            self.address[k] = i
        for k, a in self.layout.home.items():
            self.address[k] = a
        self.fed: dict[int, list[int]] = {}  # the inputs of the state that a place is the next number of
        for k, p in zip(plan.state, plan.feedback, strict=True):
            self.fed.setdefault(tape.outputs[p], []).append(k)
        self._known_reads: dict[int, list[Operand]] = {}
        self.in_place, late = self._in_place()
        self.spilled: set[int] = set()  # single steps that a loop reads
        self.early: list[Task] = []
        self.late: list[Task] = []
        for f in range(len(self.found.members)):
            if f not in self.found.inside and f not in late:
                self.early += self._tasks(f)
        for f in sorted(late - self.found.inside):
            self.late += self._tasks(f)
        calling = {f for f in range(len(self.found.members)) if self._calls(f)}
        self.early = _together(self.early, self.found, calling)
        self.waiting = find_waiting(self.early, self.late, self.fed, self.found, tape, plan, None if strict else self.layout.region)

    # ---- what is written in place

    def _in_place(self) -> tuple[set[int], set[int]]:
        """The families whose members become the state where they are computed, and all that must wait with them."""
        found = self.found
        owner: dict[int, tuple[int, int]] = {}  # of an input of the state: the family and the place that overwrite it
        candidates = set()
        for f, places in enumerate(found.members):
            if len(places) >= LOOP and all(len(self.fed.get(p, ())) == 1 for p in places) and not self._is_sum(f):
                candidates.add(f)
                owner |= {self.fed[p][0]: (f, p) for p in places}
        late = set(candidates)
        for f, places in enumerate(found.members):  # what the first member reads is of the families that all read
            if any(p >= self.inputs and found.of[p] in late for p in self._reads(places[0])):
                late.add(f)
        for f in late - found.inside:
            for m in found.members[f]:
                for p in self._reads(m):
                    g, by = owner.get(p, (f, m))
                    if by != m and f >= g:  # it needs the old number, when the new one has taken its place
                        return set(), set()
        if any(self._may_raise(found.members[f][0]) for f in late | found.inside):
            return set(), set()
        return candidates, late

    def _reads(self, m: int) -> list[Operand]:
        """What a member reads, through all that is computed inside its loop."""
        if m not in self._known_reads:
            self._known_reads[m] = operands(self.tape, self.found, m)
        return self._known_reads[m]

    def _may_raise(self, place: int) -> bool:
        step = self.tape.steps[place - self.inputs]
        operations = postorder(lowered(step.row), {})
        return not step.row.quiet and any(g.op in RAISING and not never_refused(g) for g in operations)

    def _is_sum(self, f: int) -> bool:
        return any(self.tape.steps[self.found.members[f][0] - self.inputs].row.vector)

    def _calls(self, f: int) -> bool:
        return calls(self.tape.steps[self.found.members[f][0] - self.inputs].row)

    # ---- families as tasks

    def _tasks(self, f: int) -> list[Task]:
        """The loops or single steps of a family, with addresses for its members."""
        places = self.found.members[f]
        if self._is_sum(f):
            return self._sum_tasks(f)
        if len(places) < LOOP:
            return self._singles(f)
        if f in self.in_place:
            tasks: list[Task] = [
                Together([self._each(f, lambda p: self.layout.home[self.fed[p][0]], self.layout.home)])
            ]
            if any(self.fed[p][0] in self.layout.copy for p in places):
                tasks.insert(0, self._copied(f))
            for p in places:
                self.address[p] = self.layout.home[self.fed[p][0]]
            return tasks
        return [Together([self._each(f, None, self.layout.home)])]

    def _singles(self, f: int) -> list[Task]:
        base = self.layout.region(len(self.found.members[f]))
        for k, p in enumerate(self.found.members[f]):
            self.address[p] = base + k
        return [Single(p) for p in self.found.members[f]]

    def _copied(self, f: int) -> Task:
        """The same update once more, of the state's second form."""
        copy = self.layout.copy
        places = [p for p in self.found.members[f] if self.fed[p][0] in copy]
        return Together([self._each(f, lambda p: copy[self.fed[p][0]], self.layout.home | copy, places)])

    def _each(
        self, f: int, home: Callable[[int], int] | None, state: dict[int, int], places: list[int] | None = None
    ) -> Each:
        places = self.found.members[f] if places is None else places
        reads = {m: self._reads(m) for m in places}

        def address(p: Operand) -> int:
            return -1 if p < 0 else state.get(p, self.address[p])

        if home is None:
            members = sorted(places, key=lambda m: [address(p) for p in reads[m]])
            base = self.layout.region(len(members))
            target = list(range(base, base + len(members)))
            for p, a in zip(members, target, strict=True):
                self.address[p] = a
        else:
            members = sorted(places, key=home)
            target = [home(p) for p in members]
        leaves = [list(column) for column in zip(*(reads[m] for m in members), strict=True)]
        sources = [[address(p) for p in leaf] for leaf in leaves]
        self._spill(p for leaf in leaves if len(set(leaf)) > 1 for p in leaf)
        return Each(f, members, leaves, sources, target, rows_of([*sources, target]))

    def _spill(self, places: object) -> None:
        self.spilled.update(p for p in places if p >= self.inputs)  # type: ignore[attr-defined]

    def _sum_tasks(self, f: int) -> list[Task]:
        """A family of sums as one loop, or one for each sample of a batch, or member by member."""
        places = self.found.members[f]
        if (task := self._sums(f, places)) is not None:
            return [task]
        first = tape_groups(self.tape, places[0])
        for slot in range(len(first)):
            parts: dict[tuple[Operand, ...], list[int]] = {}
            for m in places:
                parts.setdefault(tape_groups(self.tape, m)[slot], []).append(m)
            if len(first[slot]) > 1 and 1 < len(parts) <= len(places) // LOOP:
                tasks = [self._sums(f, part) for part in parts.values()]
                if all(task is not None for task in tasks):
                    return [task for task in tasks if task is not None]
        if len(places) >= LOOP and sum(map(len, first)) <= LONG:
            return [Together([self._each(f, None, self.layout.home)])]
        return self._singles(f)

    def _sums(self, f: int, places: list[int]) -> Sums | None:
        """Members of a family of sums as a loop; None if there is no pattern in what they read."""
        row = self.tape.steps[places[0] - self.inputs].row
        sizes = {len(g) for g, v in zip(tape_groups(self.tape, places[0]), row.vector, strict=True) if v}
        terms = sizes.pop()
        reductions = [g for g in postorder(lowered(row), {}) if g.op in REDUCTIONS]
        alone = len(places) < LOOP and terms <= LONG
        if alone or len(reductions) != 1 or reductions[0].op != "total" or self._may_raise(places[0]):
            return None
        copy = self.layout.copy if f in self.layout.readers else {}
        where = {
            m: [[copy.get(p, self.address[p]) if p >= 0 else -1 for p in g] for g in tape_groups(self.tape, m)]
            for m in places
        }
        members = sorted(places, key=lambda m: [a[0] for a in where[m]])
        vectors, flats, columns = {}, {}, set()
        for slot, (s, is_vector) in enumerate(zip(row.args, row.vector, strict=True)):
            read = [tape_groups(self.tape, m)[slot] for m in members]
            kinds = {self.found.of[p] if p >= 0 else CONSTANT for g in read for p in g}
            if not is_vector:
                flats[s] = [p for (p,) in read]
                continue
            affine = fit([a for m in members for a in where[m][slot]], terms)
            if affine is None or len(kinds) != 1 or CONSTANT in kinds:
                return None
            vectors[s] = affine
            columns |= {s} if kinds == {COLUMN} else set()
        base = self.layout.region(len(members))
        target = list(range(base, base + len(members)))
        for p, a in zip(members, target, strict=True):
            self.address[p] = a
        self._spill(p for m in members for g, v in zip(tape_groups(self.tape, m), row.vector, strict=True) if v for p in g)
        self._spill(p for flat in flats.values() if len(set(flat)) > 1 for p in flat)
        return Sums(f, members, vectors, columns, flats, target, terms)


def tape_groups(tape: Tape, place: int) -> tuple[tuple[Operand, ...], ...]:
    """The operands of the step at a place."""
    return tape.steps[place - len(tape.inputs)].groups


def _together(tasks: list[Task], found: Families, calling: set[int]) -> list[Task]:
    """Loops that call the library on the same numbers become one: where the first stands, the others move up to it."""
    done: list[Any] = []
    for task in tasks:
        if isinstance(task, Together) and task.first.family in calling:
            each = task.first
            needed = max((found.of[p] for leaf in each.leaves for p in leaf if p >= 0), default=-1)
            for k, other in enumerate(done):
                calls_too = isinstance(other, Together) and other.first.family in calling
                if calls_too and needed < other.first.family and _alike(each, other.first):
                    done[k] = Together([*other.parts, each])
                    break
            else:
                done.append(task)
        else:
            done.append(task)
    return done


def _alike(one: Each, other: Each) -> bool:
    """Whether two loops have the same counts and read some of the same numbers."""
    counts = (one.n, len(one.members)) == (other.n, len(other.members))
    return counts and any(s in other.sources for s in one.sources)
