"""Two rows in one pass over large weights: only where `strict=False` lets a sum have another order.

The sums of a row run over the weights that the row before has left, w + U(x, d): x is what the layer read
then, d one slope for each unit. U is in proportion to x, and so the inner product of the two rows gives
what the sums over the old weights lack:

    sum_i (w_ji + U(x_i, d_j)) x'_i  =  sum_i w_ji x'_i + U(sum_i x_i x'_i, d_j)

Every other row then leaves the weights alone. The next goes over them once, makes up for the updates of
both, and sums for itself and for the row to come. Matrices are factored in blocks for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from engine.formula import REDUCTIONS
from engine.program.families import COLUMN, FIXED, Families
from engine.program.fit import Affine, fit
from engine.program.lowering import lowered, postorder
from engine.program.tape import Tape
from engine.program.tasks import Each, Sums


LARGE = 8_000  # numbers that are updated, from which they do not fit into the cache next to the processor


class Ahead(NamedTuple):
    """Where the sums for the next row go, and what the update of the row before the last reads."""

    sums: int  # their address
    earlier: Each  # the update, with slopes that are kept
    kept: list[tuple[int, int]]  # the addresses of slopes, and those that they are kept at; one for each unit
    x: int  # which leaf of the update is the column, and which the weight itself
    w: int
    column: str  # the vector of the sums that is the column


def find_ahead(update: Each, sums: Sums, found: Families, tape: Tape, room: Callable[[int], int]) -> Ahead | None:
    """How an update that waits for `sums` can wait for two rows; None if it cannot. `room` makes addresses."""
    columns = [s for s in sums.vectors if s in sums.columns]
    if len(update.members) < LARGE or len(sums.vectors) != 2 or len(columns) != 1 or not _is_product(sums, tape):
        return None
    (column,) = columns
    along, kinds, slopes = sums.vectors[column], [], []
    for k, (leaf, source) in enumerate(zip(update.leaves, update.sources, strict=True)):
        at = None if leaf[0] < 0 else fit(source, update.n)
        if source == update.target:
            kinds.append("w")
        elif len(set(leaf)) == 1:
            kinds.append("1")
        elif found.of[leaf[0]] == COLUMN and at == Affine(along.base, along.inner, 0) and along.outer == 0:
            kinds.append("x")
        elif found.of[leaf[0]] not in (COLUMN, FIXED) and at == Affine(source[0], 0, 1):
            kinds.append("1")
            slopes.append(k)
        else:
            return None
    if sorted(kinds)[-2:] != ["w", "x"] or _kind(update.members[0], iter(kinds), found, tape) != "w":
        return None
    sources, kept = list(update.sources), []
    for k in slopes:
        place = room(update.n)
        kept.append((update.sources[k][0], place))
        sources[k] = [place + a - update.sources[k][0] for a in update.sources[k]]
    return Ahead(room(update.n), update._replace(sources=sources), kept, kinds.index("x"), kinds.index("w"), column)


def _is_product(sums: Sums, tape: Tape) -> bool:
    """Whether a term is the product of both vectors."""
    step = tape.steps[sums.members[0] - len(tape.inputs)]
    (reduction,) = (g for g in postorder(lowered(step.row), {}) if g.op in REDUCTIONS)
    term = reduction.args[0]
    return term.op == "mul" and {f.args[0] for f in term.args if f.op == "symbol"} == set(sums.vectors)


def kind(name: str, kinds: Sequence[str]) -> str:
    """What a row of this name makes of operands of these kinds, as `_kind` names them."""
    return "1" if set(kinds) == {"1"} else KINDS.get((name, *kinds), "")


def _kind(place: int, leaves: Iterator[str], found: Families, tape: Tape) -> str:
    """What a step inside the update is: "1" without w and x, "x" in proportion to x, "w" w and something in proportion to x.

    Anything else is "". `leaves` has the kinds of what the loop reads, in order.
    """
    step = tape.steps[place - len(tape.inputs)]
    inside = [p >= 0 and found.of[p] in found.inside for p in step.operands()]
    kinds = [_kind(p, leaves, found, tape) if inner else next(leaves) for p, inner in zip(step.operands(), inside, strict=True)]
    return kind(step.row.name, kinds)


KINDS = {
    ("mul", "1", "x"): "x",
    ("mul", "x", "1"): "x",
    ("neg", "x"): "x",
    ("add", "w", "x"): "w",
    ("add", "x", "w"): "w",
    ("sub", "w", "x"): "w",
}
