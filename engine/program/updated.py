"""Sums that do on their way what has waited since the row before, in LLVM text; or since the two before (`ahead.py`).

`%before` and `%earlier` point to the row before the one in hand, and to the one before that. For a family of sums,
`%owed` is how many rows have left their update to it when a row begins, and `%owes` when the sums are done.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.program.ahead import Ahead
from engine.program.fit import Affine
from engine.program.straight import row_of, visit_to_come
from engine.program.sums import SumLoops
from engine.program.tasks import Each, Sums
from engine.program.waiting import Waiting


SMALL, LARGE = 2.0**-400, 2.0**400  # of the sizes between them two may be multiplied
LOST = 2.0**-900  # more than what a product of rows can lose at the lower end of the floats, 2^-1075 a term


class UpdatedSums(SumLoops):
    """Writes sums over weights whose update waits, and makes up for it where no sums will."""

    def _sums_updated(self, task: Sums) -> None:
        """The sums of a row, and before them what waits; or without a look at the weights, if the row before has seen to it."""
        f, waiting = task.family, self.schedule.waiting[task.family]
        for leaf in waiting.update.leaves:
            if len(set(leaf)) == 1:
                self.value(leaf[0])  # here, and not in one of the branches
        known, coming, ends = dict(self.known), None, []
        passes = {f"none{f}": {}, f"one{f}": {waiting.symbol: self._updated(waiting, [(waiting.update, "%before")])}}
        second = f"one{f}"
        if waiting.ahead:
            to_come = row_of(self.low, visit_to_come(self.low), self.block, f"coming{f}", len(self.columns))
            coming, second = (to_come, waiting.ahead.sums), f"odd{f}"
            due = [(waiting.ahead.earlier, "%earlier"), (waiting.update, "%before")]
            passes[f"two{f}"] = {waiting.symbol: self._updated(waiting, due)}
        third = f"i64 2, label %two{f} " if waiting.ahead else ""
        self.lines.append(f"  switch i64 %owed{f}, label %none{f} [ i64 1, label %{second} {third}]")
        if waiting.ahead:
            self._begin(second, known)
            unsafe = self._from_ahead(task, waiting.update, waiting.ahead)
            self.lines.append(f"  br i1 {unsafe}, label %one{f}, label %both{f}")
            ends.append(f"[ 2, %{self.block} ]")
        for label, fresh in passes.items():
            self._begin(label, known)
            self._sums(task, fresh, coming)
            self.lines.append(f"  br label %both{f}")
            ends.append(f"[ 1, %{self.block} ]")
        self._begin(f"both{f}", known)
        self.lines.append(f"  %owes{f} = phi i64 {', '.join(ends)}")

    def _begin(self, label: str, known: dict[int, str]) -> None:
        """Go on in a block where these registers are set."""
        self.lines.append(f"{label}:")
        self.block, self.known, self.reduced = label, dict(known), {}

    def _carried(self) -> str:
        """What a row knows of those before it."""
        pairs = [("ptr", "before", "%rows", "%row"), ("ptr", "earlier", "%rows", "%before")]
        pairs += [("i64", f"owed{f}", "0", f"%owes{f}") for f in self.schedule.waiting]
        found = [f"  %{name} = phi {kind} [ {first}, %entry ], [ {after}, %stored ]\n" for kind, name, first, after in pairs]
        return "".join(found) if self.schedule.waiting else ""

    def _updated(self, waiting: Waiting, due: list[tuple[Each, str]]) -> Callable[[str, str], str]:
        """How what waits is done at (a, b), one update with its row after the other: the new number, which is stored."""
        reading = [(update, self._reading(update, row)) for update, row in due]

        def fresh(a: str, b: str) -> str:
            result = ""
            for update, read in reading:
                leaves = [r(a, b) for r in read]
                if result and waiting.ahead:
                    leaves[waiting.ahead.w] = result
                result = self._member(update.members[0], leaves, [0])
            self.scatter(waiting.target, a, b, result)
            return result

        return fresh

    def _reading(self, update: Each, row: str) -> list[Callable[[str, str], str]]:
        """How the leaves of an update are read, with a row's pointer in hand."""
        here, self.row = self.row, row
        read = [self._leaf(leaf, source, update.n) for leaf, source in zip(update.leaves, update.sources, strict=True)]
        self.row = here
        return read

    # ---- two rows in one pass

    def _from_ahead(self, task: Sums, update: Each, ahead: Ahead) -> str:
        """The sums of a row from those that the row before has made for it, whose slopes are kept.

        Returns the register that says whether anything was infinite or missing, or so near the ends of the floats that
        the product of the rows, or the update by it, may have lost what the updates by each number keep: then it must
        be done in the other way.
        """
        low = self.low
        for source, place in ahead.kept:
            here, there = Affine(source, 0, 1), Affine(place, 0, 1)
            self.across(update.n, lambda b, p=here, q=there: self.scatter(q, "0", b, self.load("%mem", p, "0", b)))  # type: ignore[misc]
        product = self._inner_product(task.vectors[ahead.column], task.terms)
        read, finish = self._reading(update, "%before"), self._finished(task)

        def member(b: str) -> None:
            others = {k: r("0", b) for k, r in enumerate(read) if k not in (ahead.w, ahead.x)}

            def update_by(x: str) -> str:  # what a weight of 0 becomes
                leaves = others | {ahead.w: low.number(0.0), ahead.x: x}
                return self._member(update.members[0], [leaves[k] for k in range(len(read))], [0])

            missing, least, most = (update_by(x) for x in (self.splat(product), low.number(SMALL), low.number(LARGE)))
            found = low.operation("add", self.load("%mem", Affine(ahead.sums, 0, 1), "0", b), missing)
            in_proportion = low.operation("eq", low.operation("mul", least, low.number(LARGE / SMALL)), most)
            lost = low.operation("mul", low.intrinsic("fabs", least), low.number(LOST / SMALL))  # by the product, at most
            nothing, infinite = low.number(0.0), low.number(math.inf)
            for x in (missing, most, low.operation("where", in_proportion, nothing, infinite)):
                low.raise_flag(x)
            low.raise_flag(low.operation("where", low.operation("le", lost, low.intrinsic("fabs", found)), nothing, infinite))
            finish(b, found)

        self.lines.append(f"  store i1 {self._near_an_end(product)}, ptr %unsafe")
        flag, low.flag_pointer = low.flag_pointer, "%unsafe"
        fast, low.fast = low.fast, ""  # as it is written: each of these numbers says what the order of its factors does
        self.across(update.n, member)
        low.flag_pointer, low.fast = flag, fast
        return low.emit("load i1, ptr %unsafe")

    def _near_an_end(self, product: str) -> str:
        """The register that says whether a product is neither 0 nor of a middling size."""
        low = self.low
        size = low.intrinsic("fabs", product)
        small, large = (low.emit(f"fcmp {p} double {size}, {low.number(x)}") for p, x in (("ult", SMALL), ("ugt", LARGE)))
        outside = low.emit(f"or i1 {small}, {large}")
        return low.emit(f"and i1 {outside}, {low.emit(f'fcmp une double {size}, {low.number(0.0)}')}")

    def _inner_product(self, column: Affine, terms: int) -> str:
        """The register of the inner product of the row before and the row in hand."""
        low, before = self.low, self.block
        self.labels += 1
        label, counter, total = f"product{self.labels}", f"%i{self.labels}", f"%p{self.labels}"
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block, at = label, len(self.lines)
        p, q = (self.load(row, Affine(column.base, column.inner, 0), counter, "0") for row in ("%before", self.row))
        found = low.operation("add", total, low.operation("mul", p, q))
        after = low.emit(f"add nuw nsw i64 {counter}, 1")
        more = low.emit(f"icmp ult i64 {after}, {terms}")
        self.lines.insert(at, f"  {counter} = phi i64 [ 0, %{before} ], [ {after}, %{label} ]")
        self.lines.insert(at, f"  {total} = phi double [ {low.number(-0.0)}, %{before} ], [ {found}, %{label} ]")
        self.block = f"{label}.end"
        self.lines += [f"  br i1 {more}, label %{label}, label %{self.block}", f"{self.block}:"]
        return found

    # ---- where no sums will come

    def _made_up(self, owes: str, before: str) -> None:
        """What rows still owe that did not look at the weights: the update of the row `before`, whose slopes are kept."""
        known, here = dict(self.known), self.row
        self.row = before
        for f, waiting in self.schedule.waiting.items():
            if waiting.ahead:
                self.labels += 1
                due, done = f"due{self.labels}", f"done{self.labels}"
                both = self.low.emit(f"icmp eq i64 {owes}{f}, 2")
                self.lines.append(f"  br i1 {both}, label %{due}, label %{done}")
                self._begin(due, known)
                self._each([waiting.ahead.earlier])
                self.lines.append(f"  br label %{done}")
                self._begin(done, known)
        self.row = here

    def _after_all(self) -> str:
        """Do what still waits after the last row."""
        if not self.schedule.waiting:
            return ""
        self.lines = self.low.lines = []
        self.lines += ["  %last.row = phi ptr [ %rows, %entry ], [ %row, %stored ]"]
        self.lines += ["  %last.before = phi ptr [ %rows, %entry ], [ %before, %stored ]"]
        self.lines += [f"  %last.owes{f} = phi i64 [ 0, %entry ], [ %owes{f}, %stored ]" for f in self.schedule.waiting]
        self.lines.append("  br i1 %any, label %last, label %over")
        self._begin("last", {})
        self._made_up("%last.owes", "%last.before")
        self.row = "%last.row"
        for waiting in self.schedule.waiting.values():
            self._each(waiting.task.parts)
        return "\n".join([*self.lines, "  br label %over", "over:", ""])
