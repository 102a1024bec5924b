"""Where a rolled program keeps its numbers, so that neighbours in a loop are neighbours in memory.

The state comes first, in an order of its own. A weight matrix that the units of a layer read, each its own
row, is kept transposed: then the vectors run across the units, and every sum keeps its order. One that
other sums read too, column by column, is kept both ways.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.program.families import STATE, Families
from engine.program.plan import Plan
from engine.program.tape import Tape


LINE = 8  # numbers in a line of the cache


class Block(NamedTuple):
    """`rows` x `columns` numbers of the state from position `first` on, kept from `address` on, transposed or not."""

    first: int
    rows: int
    columns: int
    address: int
    transposed: bool

    def addresses(self) -> list[int]:
        """Where each of its positions is kept."""
        if not self.transposed:
            return list(range(self.address, self.address + self.rows * self.columns))
        return [self.address + i * self.rows + j for j in range(self.rows) for i in range(self.columns)]


class Layout:
    """Addresses of the state's inputs: `home` of every input, and `copy` of those that are kept twice.

    `blocks` cover the state once; `copies` are the second forms. `transposed_for` holds the families that
    read the copies.
    """

    def __init__(self, tape: Tape, plan: Plan, found: Families) -> None:
        position = {k: j for j, k in enumerate(plan.state)}
        across, along = _matrices(tape, found, position)
        natural = {j for first, rows, columns in along for j in range(first, first + rows * columns)}
        self.size = 0
        self.blocks: list[Block] = []
        self.copies: list[Block] = []
        self.readers: dict[int, Block] = {}  # of copies, by family
        at = 0
        for (first, rows, columns), families in sorted(across.items()):
            if first < at:
                continue  # overlaps what is laid out already
            self._add(at, 1, first - at, False)
            twice = any(j in natural for j in range(first, first + rows * columns))
            self._add(first, rows, columns, not twice)
            if twice:
                copy = Block(first, rows, columns, self._room(rows * columns), True)
                self.copies.append(copy)
                self.readers |= dict.fromkeys(families, copy)
            at = first + rows * columns
        self._add(at, 1, len(plan.state) - at, False)
        self.home = {plan.state[b.first + k]: a for b in self.blocks for k, a in enumerate(b.addresses())}
        self.copy = {plan.state[b.first + k]: a for b in self.copies for k, a in enumerate(b.addresses())}

    def _add(self, first: int, rows: int, columns: int, transposed: bool) -> None:
        if rows * columns:
            self.blocks.append(Block(first, rows, columns, self._room(rows * columns), transposed))

    def _room(self, n: int) -> int:
        """The address of `n` new numbers, at the start of a line."""
        address = self.size
        self.size += -(-n // LINE) * LINE
        return address

    def region(self, n: int) -> int:
        """The address of room for `n` numbers of a family."""
        return self._room(n)


Matrix = tuple[int, int, int]  # first position in the state, rows, columns


def _matrices(tape: Tape, found: Families, position: dict[int, int]) -> tuple[dict[Matrix, list[int]], set[Matrix]]:
    """The matrices that families of sums read row by row, with those families, and the ones read column by column."""
    across: dict[Matrix, list[int]] = {}
    along: set[Matrix] = set()
    for f, places in enumerate(found.members):
        step = tape.steps[places[0] - len(tape.inputs)]
        for slot, is_vector in enumerate(step.row.vector):
            if not is_vector or len(places) < 2 or found.of[step.groups[slot][0]] != STATE:
                continue
            if any(found.of[p] != STATE for p in step.groups[slot]):
                continue
            rows_read = {tape.steps[m - len(tape.inputs)].groups[slot] for m in places}  # samples of a batch share them
            groups = sorted([position[p] for p in g] for g in rows_read)
            if len(groups) < 2:
                continue
            first, rows, columns = groups[0][0], len(groups), len(groups[0])
            if [j for g in groups for j in g] == list(range(first, first + rows * columns)) and columns > 1:
                across.setdefault((first, rows, columns), []).append(f)
            else:
                low = min(map(min, groups))
                along.add((low, 1, max(map(max, groups)) - low + 1))
    return across, along
