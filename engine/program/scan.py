"""Scans: a program prepared to run over the rows of a buffer, in blocks, with a state that it carries along."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import short
from engine.program.build import Built
from engine.program.plan import Plan, Run, apart, store, view, visits
from engine.program.tape import Tape
from engine.whole import counted, integer


FIRST_BLOCK = 128  # rows, before it is known how long they take
BLOCK_SECONDS = 0.05  # between two looks at Ctrl-C and the progress bar
GROWTH = 64  # times a block is larger than the one before it, at most


class Scan:
    """A program with its feedback and what to collect decided; made by `Program.scanner`."""

    def __init__(self, plan: Plan, built: Built, tape: Tape) -> None:
        self._plan, self._tape = plan, tape
        self.runner, self.code, _ = built

    def __call__(
        self,
        rows: Any,
        state: Any = None,
        *,
        order: Sequence[int] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> list[array[float]]:
        """Run over the rows; arguments and result as in `Program.scan`."""
        plan = self._plan
        held = view(array("d") if state is None else state, "state", len(plan.state), writable=True)
        if len(held) != len(plan.state):
            raise ValueError(f"scan: state must hold {counted(len(plan.state), 'number')}, one for each fed back, not {len(held)}")
        runs = None if plan.columns else integer(rows)
        if runs is not None and runs < 0:
            raise ValueError(f"scan: a number of runs is 0 or more, not {rows}")
        flat = view(rows if runs is None else array("d"), "rows", len(plan.columns))
        apart(flat, held)
        n = len(flat) // max(1, len(plan.columns)) if runs is None else runs
        visited = visits(order, n)
        return self.run(flat, held, visited, n if visited is None else len(visited), progress)

    def run(
        self, rows: Any, state: Any, order: Any, n: int, progress: Callable[[int], object] | None = None
    ) -> list[array[float]]:
        """Run over checked buffers, block by block."""
        collect = self._plan.collect
        run = Run(rows, state, order, array("d", [0.0]) * (n * len(collect)), n)
        block = FIRST_BLOCK
        if progress is not None and not callable(progress):
            raise TypeError(f"scan: progress is a function of the number of visits done, not {short(progress)}")
        while (before := run.done[0]) < n:
            began, stop = time.perf_counter(), min(n, before + block)
            try:
                if (refused := self.runner(run, before, stop)) < stop:
                    self._with_care(run, refused)
            finally:  # an error or an interrupt too tells how far it came
                if progress is not None:
                    progress(run.done[0] - before)
            seconds = time.perf_counter() - began
            block = max(1, min(GROWTH * block, int(block * BLOCK_SECONDS / max(seconds, 1e-6))))
        return [run.collected] if len(collect) == 1 else [run.collected[k * n : k * n + n] for k in range(len(collect))]

    def _with_care(self, run: Run, r: int) -> None:
        """Row `r` as the graph computes it: the numbers, or the error at the node that has none."""
        plan = self._plan
        k, width = r if run.order is None else run.order[r], len(plan.columns)
        numbers = dict(zip(plan.columns, run.rows[k * width : (k + 1) * width], strict=True))
        numbers |= dict(zip(plan.state, run.state, strict=True))
        store(plan, run, r, self._tape.run([numbers[i] for i in range(len(numbers))]))
