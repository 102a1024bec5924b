"""Loops over families of sums, in LLVM text: tiles of members, and along them the terms, in order.

Every sum keeps its order, since a vector runs across the members and not along a sum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from engine.formula import REDUCTIONS, Formula
from engine.program.fit import Affine
from engine.program.loops import LANES, Loops
from engine.program.lowering import lowered, postorder
from engine.program.tasks import Sums


TILE = 16  # vectors that one loop over the terms of a sum carries along
TILE_OF_TWO = 8  # the same, where it sums for two rows


class SumLoops(Loops):
    """Writes sums; `ahead` are the pointer to the row to come, and the address of what its sums are over the same numbers."""

    def _sums(
        self, task: Sums, fresh: dict[str, Callable[[str, str], str]] | None = None, ahead: tuple[str, int] | None = None
    ) -> None:
        """Tiles of members; for each, one loop along the terms. A vector in `fresh` is made there, at (term, member)."""
        total = len(task.members)
        tile = min(TILE_OF_TWO if ahead else TILE, total // LANES) * LANES
        whole = total // tile * tile if tile else 0

        def one(first: str, chunks: list[tuple[int, int]]) -> None:
            self._tile(task, first, chunks, fresh or {}, ahead)

        if whole:
            self.loop(whole, tile, lambda a: one(a, [(k, LANES) for k in range(0, tile, LANES)]))
        rest, at = [], whole
        for lanes in (LANES, LANES // 2, LANES // 4, 1):
            while total - at >= lanes:
                rest.append((at, lanes))
                at += lanes
        if rest:
            one("0", rest)

    def _tile(
        self,
        task: Sums,
        first: str,
        chunks: list[tuple[int, int]],
        fresh: dict[str, Callable[[str, str], str]],
        ahead: tuple[str, int] | None,
    ) -> None:
        """The sums of the members `first` + offset, in chunks of lanes, term by term."""
        low = self.low
        reduction = self._reduction(task)[1]
        starts = [first if not k else str(k) if first == "0" else low.emit(f"add i64 {first}, {k}") for k, _ in chunks]
        rows = [self.row, ahead[0]] if ahead else [self.row]
        self.labels += 1
        label, before = f"sum{self.labels}", self.block
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block, counter = label, f"%i{self.labels}"
        at = len(self.lines)
        strands = self._strands(task.terms, len(chunks) * len(rows))
        sums: list[list[list[str]]] = []  # of each chunk: of each row: strands
        phis = []
        for c, (start, (_, lanes)) in enumerate(zip(starts, chunks, strict=True)):
            low.lanes = lanes
            sums.append([[] for _ in rows])
            for k in range(strands):
                here = low.emit(f"add i64 {counter}, {k}") if k else counter
                symbols: dict[str, Any] = {s: make(here, start) for s, make in fresh.items()}
                for r, row in enumerate(rows):
                    for s, affine in task.vectors.items():
                        if s in task.columns or s not in symbols:
                            base = row if s in task.columns else "%mem"
                            symbols[s] = self.load(base, Affine(affine.base, affine.inner, affine.outer), here, start)
                    term = low.formula(reduction.args[0], symbols, {}, raises=False)
                    name, zero = f"%s{self.labels}.{c}.{k}.{r}", low.number(-0.0)
                    sums[c][r].append(low.operation("add", name, term))
                    phis.append(f"  {name} = phi {low.type} [ {zero}, %{before} ], [ {sums[c][r][-1]}, %{label} ]")
        low.lanes = 1
        after = low.emit(f"add nuw nsw i64 {counter}, {strands}")
        more = low.emit(f"icmp ult i64 {after}, {task.terms}")
        phis.append(f"  {counter} = phi i64 [ 0, %{before} ], [ {after}, %{label} ]")
        self.lines[at:at] = phis
        self.lines += [f"  br i1 {more}, label %{label}, label %{label}.end", f"{label}.end:"]
        self.block = f"{label}.end"
        finish = self._finished(task)
        for found, start, (_, lanes) in zip(sums, starts, chunks, strict=True):
            low.lanes = lanes
            totals = [reduce(partial(low.operation, "add"), parts) for parts in found]
            finish(start, totals[0])
            if ahead:
                self.scatter(Affine(ahead[1], 0, 1), "0", start, totals[1])
        low.lanes = 1

    def _finished(self, task: Sums) -> Callable[[str, str], None]:
        """How members from one on are stored, of which only the sum over the terms is known."""
        f, reduction = self._reduction(task)
        flats = {s: self._leaf(flat, [self.schedule.address[p] for p in flat], len(flat)) for s, flat in task.flats.items()}
        target = Affine(task.target[0], 0, 1)

        def finish(start: str, total: str) -> None:
            symbols = {s: read("0", start) for s, read in flats.items()}
            self.scatter(target, "0", start, self.low.formula(f, symbols, {reduction: total}, raises=False))

        return finish

    def _reduction(self, task: Sums) -> tuple[Formula, Formula]:
        """The formula of a member, and the sum in it."""
        f = lowered(self.tape.steps[task.members[0] - self.inputs].row)
        (reduction,) = (g for g in postorder(f, {}) if g.op in REDUCTIONS)
        return f, reduction

    def _strands(self, terms: int, chunks: int) -> int:
        """Into how many sums each is split, so that additions need not wait for one another: one, if it must be exact."""
        if not self.low.fast:
            return 1
        return next(k for k in (4, 2, 1) if terms % k == 0 and (k == 1 or k * chunks <= TILE))
