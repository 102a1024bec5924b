"""Whom an update helped and whom it harmed: what one sample's step does to the loss of the others (LEC-R1)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from operator import add, mul
from typing import TYPE_CHECKING, Any

from nn.numbers import at_least_zero, counted, integer


if TYPE_CHECKING:
    from nn.lab.recorder.log import Log

SHOWN = 5  # rows in each list
PAIRS = {"native": 120_000, "python": 4_000, "graph": 4_000}  # losses that take less than a second or so
SMALL = 8  # updates and rows up to which a matrix is printed whole


class Harm:
    """The change of loss of every row by each of some updates: `actual[i][j]` of row j by update i.

    `first_order[i][j]` is the part that the slope tells: the step times dE_j/dw, for a plain step
    -η dE_i/dw · dE_j/dw. Below 0 is helped, above 0 harmed. `rows` are the rows of the updates, `before`
    the losses before.
    """

    def __init__(
        self, title: str, rows: Sequence[tuple[int, ...]], targets: Sequence[Any], before: Sequence[float],
        actual: Sequence[Sequence[float]], first_order: Sequence[Sequence[float]],
    ) -> None:  # fmt: skip
        self.title, self.rows, self.targets = title, rows, targets
        self.before, self.actual, self.first_order = before, actual, first_order

    @property
    def classes(self) -> list[int]:
        """The classes of the rows, if that is what their targets are."""
        return sorted(set(self.targets)) if all(isinstance(t, int) for t in self.targets) else []

    def between_classes(self) -> list[list[float]]:
        """The mean change of loss of rows of one class (column) by updates on another (line); NaN without any."""
        by = [[line for rows, line in self._lines() if {self.targets[i] for i in rows} == {c}] for c in self.classes]
        return [self._means(lines) for lines in by]

    def by_class(self) -> list[float]:
        """The mean change of loss of the rows of each class, by all updates."""
        return self._means(self.actual)

    def _means(self, lines: Sequence[Sequence[float]]) -> list[float]:
        of = [[j for j, t in enumerate(self.targets) if t == c] for c in self.classes]
        return [_mean(line[j] for line in lines for j in js) for js in of]

    def _lines(self) -> Iterator[tuple[tuple[int, ...], Sequence[float]]]:
        return zip(self.rows, self.actual, strict=True)

    def ranked(self) -> list[tuple[float, int, int]]:
        """(change, update, row) for all pairs but a row and itself, most helped first."""
        return sorted(
            (x, i, j)
            for i, (rows, line) in enumerate(self._lines())
            for j, x in enumerate(line)
            if j not in rows and math.isfinite(x)
        )

    def __repr__(self) -> str:
        if len(self.rows) <= SMALL and len(self.targets) <= SMALL:
            unit = _unit(x for line in self.actual for x in line)
            scale = [] if unit == 1 else [f"  change of the loss, times {unit:g}"]
            return "\n".join([self.title, *scale, *_table(self._labels(), self._columns(), self.actual, unit)])
        lines = [self.title]
        own = [(i, j) for i, rows in enumerate(self.rows) for j in set(rows)]
        lines.append(f"  its own rows  {_sum(self.actual[i][j] for i, j in own):+.4f} (first order "
                     f"{_sum(self.first_order[i][j] for i, j in own):+.4f}), summed over {counted(len(self.rows), 'update')}")
        pairs = self.ranked()
        helped, harmed = [p for p in pairs if p[0] < 0], [p for p in pairs if p[0] > 0]
        lines.append(f"  helped  {len(helped):>8,} of the others, {_sum(p[0] for p in helped):+.4f} in all")
        lines.append(f"  harmed  {len(harmed):>8,} of the others, {_sum(p[0] for p in harmed):+.4f} in all")
        for what, some in (("most helped", helped[:SHOWN]), ("most harmed", harmed[: -SHOWN - 1 : -1])):
            lines += [f"  {what}  {self._pair(i, j)}  {x:+.4f}  (first order {self.first_order[i][j]:+.4f})" for x, i, j in some]
        if self.classes and len(self.classes) <= 12:
            names, labels, table, by = self._of_classes()
            unit = _unit(x for line in table for x in line)
            told = "" if unit == 1 else f", times {unit:g}"
            lines.append(f"  mean change of the loss of a class (column){by}{told}")
            lines += _table(labels, names, table, unit)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        small = len(self.rows) <= SMALL and len(self.targets) <= SMALL
        if not small and not 0 < len(self.classes) <= 12:
            return f"<pre>{escape(repr(self))}</pre>"
        names, labels, lines, by = self._columns(), self._labels(), self.actual, " by an update (line)"
        if not small:
            names, labels, lines, by = self._of_classes()
        most = max((abs(x) for line in lines for x in line if math.isfinite(x)), default=0.0) or 1.0
        unit = _unit(x for line in lines for x in line)
        by += "" if unit == 1 else f", times {unit:g}"
        head = "".join(f"<th>{escape(n)}</th>" for n in ["", *names])
        body = "".join(
            f"<tr><th>{escape(label)}</th>" + "".join(_cell(x, most, unit) for x in line) + "</tr>"
            for label, line in zip(labels, lines, strict=True)
        )
        told = "" if small else f"<pre>{escape(repr(self).split('  mean change')[0])}</pre>"
        what = "change of the loss of a row (column)" if small else "mean change of the loss of a class (column)"
        first = f"<p>{escape(self.title)}</p>" if small else told
        return f"{first}<table><caption>{what}{by}: blue helped, orange harmed</caption><tr>{head}</tr>{body}</table>"

    def _of_classes(self) -> tuple[list[str], list[str], Sequence[Sequence[float]], str]:
        """Columns, labels and numbers of the table by classes, and what a line of it is."""
        names = [str(c) for c in self.classes]
        if len(self.rows) == 1:
            return names, [""], [self.by_class()], ""
        found = [(c, line) for c, line in zip(names, self.between_classes(), strict=True) if not math.isnan(line[0])]
        return names, [c for c, _ in found], [line for _, line in found], " by an update on a class (line)"

    def _labels(self) -> list[str]:
        return [f"on {', '.join(map(str, rows))}" for rows in self.rows]

    def _columns(self) -> list[str]:
        return [f"row {j}" for j in range(len(self.targets))]

    def _pair(self, i: int, j: int) -> str:
        row = f"row {j:>5}" + (f", class {self.targets[j]}" if self.classes else "")
        if len(self.rows) == 1:
            return row
        return f"{row} by row {self.rows[i][0]:>5}" + (f", class {self.targets[self.rows[i][0]]}" if self.classes else "")


def harm_of_step(log: Log, step: int) -> Harm:
    """What one update did to the loss of every row."""
    whole, update = log.whole(log.check(step)), log[step]
    before, after = log.losses(step)
    n = len(log.names)
    moved = [new - old for new, old in zip(whole.new[:n], whole.old[:n], strict=True)]
    again = log.again()
    with again.borrowed():
        first = [_dot(moved, g) for g in again.gradients(whole.old, range(len(log.rows)))]
    rows = ", ".join(map(str, update.rows[:4])) + ", ..." * (len(update.rows) > 4)
    title = f"update {step} (epoch {update.epoch}, row{'s' * (len(update.rows) > 1)} {rows}, η = {update.lr:g}) and the loss of {counted(len(log.rows), 'row')}"
    change = [b - a for a, b in zip(before, after, strict=True)]
    return Harm(title, [update.rows], [t for _, t in log.rows], before, [change], [first])


def harm_of_rows(log: Log, rows: Sequence[int] | None, lr: float | None) -> Harm:
    """What one plain step on each of some rows, from the present weights, would do to the loss of every row."""
    again = log.again()
    n = len(log.rows)
    if not n or not log.lrs:
        raise ValueError("there is no update yet, and so no learning rate")
    if rows is not None and not isinstance(rows, Iterable):
        raise TypeError(f"rows is {rows!r}; write the numbers of rows in a list, as [0]")
    chosen = _spread(n, max(1, PAIRS[again.backend] // n)) if rows is None else [_row(i, n) for i in rows]
    if not chosen:
        raise ValueError("rows is empty: name at least one row to make an update on")
    rate = log.lrs[-1] if lr is None else at_least_zero("lr", lr)
    weights = array("d", [p.data for p in log.parameters])
    held = weights + array("d", [-0.0] * len(weights)) if log.sgd["momentum"] else weights
    with again.borrowed():
        before = again.losses(weights)
        slopes = list(again.gradients(held, range(n)))
        steps = [array("d", [-rate * g for g in slopes[i]]) for i in chosen]
        actual = []
        for d in steps:
            after = again.losses(array("d", map(add, weights, d)))
            actual.append([b - a for a, b in zip(before, after, strict=True)])
    some = "each row" if len(chosen) == n else f"each of {counted(len(chosen), 'row')}"
    title = f"one step w - η dE/dw, η = {rate:g}, on {some} from the present weights, and the loss of {counted(n, 'row')}"
    return Harm(title, [(i,) for i in chosen], [t for _, t in log.rows], before, actual, _products(steps, slopes))


def _products(steps: list[array[float]], slopes: list[array[float]]) -> list[list[float]]:
    """Every step times every gradient; by NumPy, where it is installed."""
    try:
        import numpy
    except ImportError:
        return [[_dot(d, g) for g in slopes] for d in steps]
    a, b = (numpy.array([numpy.frombuffer(line) for line in lines]) for lines in (steps, slopes))
    with numpy.errstate(all="ignore"):  # what is infinite is shown as such
        return (a @ b.T).tolist()  # type: ignore[no-any-return]


def _dot(a: Iterable[float], b: Iterable[float]) -> float:
    return float(sum(map(mul, a, b)))


def _spread(n: int, most: int) -> list[int]:
    """At most `most` of n rows, evenly spaced."""
    return list(range(n)) if most >= n else [k * n // most for k in range(most)]


def _row(i: Any, n: int) -> int:
    if (k := integer(i)) is None or not 0 <= k < n:
        raise ValueError(f"rows are 0 to {n - 1}, and {i!r} is none of them")
    return k


def _unit(numbers: Iterable[float]) -> float:
    """A power of ten that all numbers are multiplied with, so that the largest has one to three places before the point."""
    most = max((abs(x) for x in numbers if math.isfinite(x)), default=0.0)
    return 1.0 if most == 0 or 0.1 <= most < 1000 else 10.0 ** min(-math.floor(math.log10(most)), 300)


def _table(labels: Sequence[str], names: Sequence[str], lines: Sequence[Sequence[float]], unit: float) -> list[str]:
    cells = [["", *names], *([label, *(_shown(x * unit) for x in line)] for label, line in zip(labels, lines, strict=True))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells]


def _shown(x: float) -> str:
    if not math.isfinite(x):
        return "-"
    return "0" if abs(x) < 5e-4 else f"{x:+.3f}"


def _cell(x: float, most: float, unit: float) -> str:
    if not math.isfinite(x):
        return "<td>-</td>"
    colour = "86,140,200" if x < 0 else "230,140,40"
    return f'<td style="background:rgba({colour},{0.8 * math.sqrt(abs(x) / most):.2f});text-align:right">{_shown(x * unit)}</td>'


def _mean(numbers: Iterable[float]) -> float:
    finite = [x for x in numbers if math.isfinite(x)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def _sum(numbers: Iterable[float]) -> float:
    return math.fsum(x for x in numbers if math.isfinite(x))
