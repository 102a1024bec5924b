"""The tape: a graph of Values as a flat list of instructions, arguments before what uses them.

An instruction names its row of the table and where its arguments are. What rests on constants alone is
a constant, equal instructions are one, and what no output needs is not there. A choice stays a choice:
`where`, `relu` and their like select anew whenever the program runs.

>>> x = Value(2.0, "x")
>>> tape = Tape([(x * x + x * x) * (Value(3.0) - 2)], [x])
>>> [(step.row.name, step.groups) for step in tape.steps], tape.outputs
([('mul', ((0,), (0,))), ('add', ((1,), (1,)))], [2])
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.errors import short
from engine.graph import topological
from engine.ops import Row
from engine.recording import check_fresh, record, renewed
from engine.source import MACHINE
from engine.value import Value


Operand: TypeAlias = int  # a place: inputs first, then instructions; or from -1 downwards a constant
Group: TypeAlias = tuple[Operand, ...]  # what stands for one symbol of a row: one operand, or a vector of them


class Step(NamedTuple):
    """One instruction: the row, an operand or a vector of them for each of its symbols, and the node's label."""

    row: Row
    groups: tuple[Group, ...]
    label: Any

    def operands(self) -> Iterator[Operand]:
        """All operands, with repeats."""
        return itertools.chain.from_iterable(self.groups)


class Tape:
    """`outputs` as instructions over `inputs`; the numbers of all other leaves are constants.

    `nodes` is the topological order of the graph, if it is known. Raises TypeError or ValueError for what is
    no input or no output, and StaleGraph if a leaf was changed after recording.
    """

    def __init__(
        self,
        outputs: Sequence[Value],
        inputs: Sequence[Value],
        nodes: Sequence[Value] | None = None,
    ) -> None:
        check_values(outputs, inputs)
        self.inputs = [v.label for v in inputs]
        self.steps: list[Step] = []
        self.constants: list[float] = []
        self._constant_of: dict[bytes, Operand] = {}
        self._place_of: dict[tuple[Any, ...], Operand] = {}
        self._found: dict[Value, Operand] = {v: k for k, v in enumerate(inputs)}
        for n in topological(*outputs) if nodes is None else nodes:
            if n not in self._found:
                self._found[n] = self._constant(n.data) if n.op is None else self._add(n, outputs)
        self.outputs = [self._found[v] for v in outputs]
        for v, p in zip(outputs, self.outputs, strict=True):
            if p < 0:
                raise ValueError(f"compile: the output {short(v)} does not depend on any of the inputs")
        del self._found, self._place_of  # the graph is not needed any more
        self._drop_dead()

    def _constant(self, x: float) -> Operand:
        """The operand for a number; 0.0 and -0.0 are two."""
        bits = _bits(x)
        if bits not in self._constant_of:
            self.constants.append(x)
            self._constant_of[bits] = -len(self.constants)
        return self._constant_of[bits]

    def _add(self, n: Value, outputs: Sequence[Value]) -> Operand:
        """The place of node `n`, or the constant that it is."""
        row: Any = n.op
        known = self._found.get
        fixed, found = True, []
        for g in n._groups():
            places = []
            for p in g:
                k = known(p) if p.__class__ is Value else None
                if k is None:
                    k = self._number(p)
                fixed = fixed and k < 0
                places.append(k)
            found.append(tuple(places))
        groups = tuple(found)
        if fixed:
            if not same(renewed(n).data, n.data):
                check_fresh(*outputs)
            return self._constant(n.data)
        if (simpler := self._simpler(row.name, groups)) is not None:
            return simpler
        place = self._place_of.get((row.name, groups))
        if place is None:
            place = self._place_of[row.name, groups] = len(self.inputs) + len(self.steps)
            self.steps.append(Step(row, groups, n.label))
        else:
            k = place - len(self.inputs)
            other = self.steps[k]
            label = n.label if other.label is None else other.label
            self.steps[k] = Step(row if other.row.quiet else other.row, groups, label)  # one that raises does
        return place

    def _number(self, p: Any) -> Operand:
        """A number among the arguments of a node, or carried by a leaf among its Values."""
        return self._constant(p.data if p.__class__ is Value else p)

    def _simpler(self, name: str, groups: tuple[Group, ...]) -> Operand | None:
        """The operand that a step equals in every bit: of 1*a, a/1, and of a choice that a constant has made."""
        (a, *_), (b, *_) = groups[0], groups[-1]
        if name == "mul" and a < 0 and self.constants[-1 - a] == 1.0:
            return b
        if name in ("mul", "div") and b < 0 and self.constants[-1 - b] == 1.0:
            return a
        if name == "where" and a < 0:
            return groups[1 if self.constants[-1 - a] else 2][0]
        return None

    def _drop_dead(self) -> None:
        """Keep what an output needs, and number the places anew."""
        n = len(self.inputs)
        needed = bytearray(n + len(self.steps))
        for p in self.outputs:
            needed[p] = 1
        for k in range(len(self.steps) - 1, -1, -1):
            if needed[n + k]:
                for p in self.steps[k].operands():
                    if p >= 0:
                        needed[p] = 1
        if all(needed[n:]):
            return
        place = [*range(n), *(n + k for k in itertools.accumulate(needed[n:], initial=0))]
        self.steps = [
            s._replace(groups=tuple(tuple([place[p] if p >= 0 else p for p in g]) for g in s.groups))
            for s, kept in zip(self.steps, needed[n:], strict=True)
            if kept
        ]
        self.outputs = [place[p] for p in self.outputs]

    @property
    def size(self) -> int:
        """The number of operands of all instructions, and of outputs: what code without loops grows with."""
        return len(self.outputs) + sum(len(g) for s in self.steps for g in s.groups)

    def label(self, p: Operand) -> Any:
        """The label of the node at a place."""
        k = p - len(self.inputs)
        return self.inputs[p] if k < 0 else self.steps[k].label

    def run(self, numbers: Sequence[float]) -> list[float]:
        """The outputs at `numbers`, instruction by instruction; raises what recording the graph there would raise.

        >>> x = Value(2.0, "x")
        >>> Tape([x.log()], [x]).run([-1.0])
        Traceback (most recent call last):
        ...
        engine.errors.DomainError: log(x=-1.0): outside the domain; log needs a > 0
        """
        places = self.walk(numbers)
        return [places[p] for p in self.outputs]

    def walk(self, given: Sequence[Any]) -> list[Any]:
        """What is at every place, inputs first, if these are the inputs: numbers, or Values where no step raises."""
        places = [*given]
        constants = self.constants
        for s in self.steps:
            groups = [[places[p] if p >= 0 else constants[-1 - p] for p in g] for g in s.groups]
            args = [g if v else g[0] for g, v in zip(groups, s.row.vector, strict=True)]
            try:
                places.append(record(s.row, *args))
            except ArithmeticError:
                named = [[*map(self._named, g, xs)] for g, xs in zip(s.groups, groups, strict=True)]
                record(s.row, *(g if v else g[0] for g, v in zip(named, s.row.vector, strict=True)))
                raise
        return places

    def _named(self, p: Operand, x: float) -> Value | float:
        return Value(x, self.label(p)) if p >= 0 else x

    def key(self) -> tuple[Any, ...]:
        """What tapes have in common that compute the same from the same inputs; labels do not matter."""
        steps = tuple((s.row.name, s.groups, s.row.quiet) for s in self.steps)
        rows = {s.row.name: s.row for s in self.steps}
        means = tuple((name, repr(row.value), _own(name)) for name, row in rows.items())
        return len(self.inputs), steps, means, tuple(map(_bits, self.constants)), tuple(self.outputs)


def _own(name: str) -> int:
    """What tells a user's Python function from another of that name; 0 for what is not one."""
    function = MACHINE.get(name)
    return 0 if function is None or function is getattr(math, name, None) else id(function)


def same(p: float, q: float) -> bool:
    """Whether two numbers are equal in every bit; a NaN is like any other NaN."""
    return (p == q and math.copysign(1.0, p) == math.copysign(1.0, q)) or (p != p and q != q)


def _bits(x: float) -> bytes:
    return struct.pack("<d", x)


def check_values(outputs: Sequence[Value], inputs: Sequence[Value]) -> None:
    """Raise TypeError or ValueError for what can be no output or no input."""
    for what, values in (("output", outputs), ("input", inputs)):
        if not values:
            raise ValueError(f"compile: give at least one {what}")
        for v in values:
            if v.__class__ is not Value:
                raise TypeError(f"compile: an {what} must be a Value of the graph, not {short(v)}")
    seen: set[Value] = set()
    for v in inputs:
        if v.op is not None:
            raise ValueError(
                f"compile: the input {short(v)} was made by {v.op.name!r}, and an input is a leaf: "
                "list the leaves that it was made from, or record the rest of the graph from Value(number)"
            )
        if v in seen:
            raise ValueError(f"compile: the input {short(v)} is listed twice")
        seen.add(v)
