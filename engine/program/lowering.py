"""Rows as LLVM: one small reading of the machine's operations, for one number or for a vector of lanes.

The text is strict IEEE 754: no operation may be reordered or contracted, and a call of the C library is
marked `nobuiltin`, so that LLVM calls what Python's `math` calls.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.formula import REDUCTIONS, Formula, each, fold
from engine.ops import Row
from engine.program.exponential import exponential, powers
from engine.source import opened


LIBRARY = {"exp": 1, "expm1": 1, "log": 1, "log1p": 1, "sin": 1, "cos": 1, "tanh": 1, "pow": 2}  # of C, and its arity
ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq"}
RAISING = {"div", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "power"}  # may give inf or NaN, where Python raises
FAST = " reassoc nsz arcp contract"  # never what assumes NaN and infinities away


Reduced: TypeAlias = dict[tuple[Any, ...], Any]  # registers of sums, by what is summed: a softmax has the same for every class


class NotLowered(Exception):
    """A row that has no reading in machine code."""


class Text(NamedTuple):
    """LLVM text of a function `run`, and what it needs.

    `room` counts the numbers of its scratch memory; `table` is the address of what it reads there instead. `packed` tells
    whether LLVM may put numbers side by side into vectors: in a chain, what is ready would wait for its neighbour.
    """

    text: str
    room: int = 0
    table: int = 0
    packed: bool = True


class Bit(str):
    """The name of a truth value."""

    __slots__ = ()


def constant(x: float) -> str:
    """A number as LLVM writes it, bit by bit."""
    return "0x" + struct.pack(">d", x).hex().upper()


def declarations() -> str:
    """What the text may call. The library's functions depend on nothing but their arguments."""
    lines = [
        f"declare double @{name}({', '.join(['double'] * arity)}) nounwind willreturn memory(none)"
        for name, arity in LIBRARY.items()
    ]
    return "\n".join([*lines, powers()])


class Lowering:
    """Appends instructions to `lines`; values are names of registers or constants."""

    def __init__(self, lines: list[str], strict: bool = True) -> None:
        self.lines = lines
        self.fresh = itertools.count()
        self.fast = "" if strict else FAST
        self.lanes = 1
        self.flag: str | None = None  # a register that holds whether something raises; None: nothing was asked
        self.flag_pointer = ""  # where loops keep it instead
        self.flags = 0  # how often it may be set

    @property
    def type(self) -> str:
        """The type of a value: double, or a vector of them."""
        return "double" if self.lanes == 1 else f"<{self.lanes} x double>"

    @property
    def truth(self) -> str:
        """The type of a truth value."""
        return "i1" if self.lanes == 1 else f"<{self.lanes} x i1>"

    def emit(self, text: str) -> str:
        """An instruction that has a result; returns the result's register."""
        name = f"%v{next(self.fresh)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def number(self, x: float) -> str:
        """A constant, in every lane."""
        return constant(x) if self.lanes == 1 else f"splat (double {constant(x)})"

    def operation(self, op: str, *args: Any) -> str:
        """The reader for `fold`: machine operations on registers."""
        if op == "number":
            return self.number(args[0])
        if op in ARITHMETIC:
            return self.emit(f"{ARITHMETIC[op]}{self.fast} {self.type} {args[0]}, {args[1]}")
        if op == "neg":
            return self.emit(f"fneg{self.fast} {self.type} {args[0]}")
        if op in COMPARISONS:
            return Bit(self.emit(f"fcmp {COMPARISONS[op]} {self.type} {args[0]}, {args[1]}"))
        if op == "where":
            return self._select(*args)
        if op in ("absolute", "sqrt"):
            return self.intrinsic("fabs" if op == "absolute" else "sqrt", args[0])
        name = "pow" if op == "power" else op
        if name in LIBRARY:
            return self.call(name, *args)
        raise NotLowered(f"the operation {op!r} has no machine code")

    def intrinsic(self, name: str, a: str) -> str:
        """One of LLVM's own functions that round as IEEE 754 asks."""
        suffix = "f64" if self.lanes == 1 else f"v{self.lanes}f64"
        return self.emit(f"call {self.type} @llvm.{name}.{suffix}({self.type} {a})")

    def call(self, name: str, *args: str) -> str:
        """A call of the C library, lane by lane."""
        if name == "exp" and self.fast:
            return exponential(self, *args)
        if self.lanes == 1:
            return self.emit(f"call double @{name}({', '.join(f'double {a}' for a in args)}) nobuiltin")
        result = "poison"
        for k in range(self.lanes):
            lane = [self.emit(f"extractelement {self.type} {a}, i64 {k}") for a in args]
            one = self.emit(f"call double @{name}({', '.join(f'double {a}' for a in lane)}) nobuiltin")
            result = self.emit(f"insertelement {self.type} {result}, double {one}, i64 {k}")
        return result

    def _select(self, c: str, a: str, b: str) -> str:
        if not isinstance(c, Bit):  # a number is true unless it is zero; NaN is true
            c = Bit(self.emit(f"fcmp une {self.type} {c}, {self.number(0.0)}"))
        if isinstance(a, Bit) or isinstance(b, Bit):
            raise NotLowered("a choice between truth values has no machine code")
        return self.emit(f"select {self.truth} {c}, {self.type} {a}, {self.type} {b}")

    # ---- formulas and rows

    def formula(self, f: Formula, symbols: Mapping[str, str], memo: dict[Formula, Any], raises: bool) -> str:
        """The value of an opened formula; with `raises` the flag is set where Python's arithmetic may refuse it."""
        for g in postorder(f, memo):
            value = fold(g, symbols, self.operation, memo=memo)
            if raises and g.op in RAISING and not never_refused(g):
                self.raise_flag(value)
        if isinstance(memo[f], Bit):
            raise NotLowered("a truth value is no number")
        return str(memo[f])

    def row(self, row: Row, groups: Sequence[Sequence[str]], raises: bool, reduced: Reduced | None = None) -> str:
        """The value of a row over registers, its sums unrolled from left to right; `reduced` has those that were made before."""
        f = lowered(row)
        symbols = {s: g[0] for s, g, v in zip(row.args, groups, row.vector, strict=True) if not v}
        vectors = [(s, g) for s, g, v in zip(row.args, groups, row.vector, strict=True) if v]
        memo: dict[Formula, Any] = {}
        reduced = {} if reduced is None else reduced
        for g in postorder(f, {}):
            if g.op not in REDUCTIONS:
                continue
            used = {h.args[0] for h in each(g) if h.op == "symbol"}
            key = (g, raises, *(tuple(group) for s, group in zip(row.args, groups, strict=True) if s in used))
            if key in reduced:
                memo[g] = reduced[key]
                continue
            known = {h: r for h, r in memo.items() if not h.vector}
            found = None
            for elements in zip(*(group for _, group in vectors), strict=True):
                here = symbols | {s: r for (s, _), r in zip(vectors, elements, strict=True)}
                term = self.formula(g.args[0], here, dict(known), raises)
                found = term if found is None else self.reduce(g.op, found, term)
            memo[g] = reduced[key] = found
        return self.formula(f, symbols, memo, raises)

    def reduce(self, op: str, found: str, term: str) -> str:
        """One more term of a sum, or one more candidate for the largest, of which a NaN is the largest."""
        if op == "total":
            return self.operation("add", found, term)
        larger = self.emit(f"fcmp ugt {self.type} {term}, {found}")
        number = self.emit(f"fcmp ord {self.type} {found}, {found}")
        both = self.emit(f"and {self.truth} {larger}, {number}")
        return self.emit(f"select {self.truth} {both}, {self.type} {term}, {self.type} {found}")

    def raise_flag(self, x: str) -> None:
        """Set the flag where `x` is an infinity or a NaN."""
        self.flags += 1
        size = self.intrinsic("fabs", x)
        bad = self.emit(f"fcmp uge {self.type} {size}, {self.number(float('inf'))}")
        if self.lanes > 1:
            bad = self.emit(f"call i1 @llvm.vector.reduce.or.v{self.lanes}i1({self.truth} {bad})")
        if self.flag_pointer:
            before = self.emit(f"load i1, ptr {self.flag_pointer}")
            self.lines.append(f"  store i1 {self.emit(f'or i1 {before}, {bad}')}, ptr {self.flag_pointer}")
        else:
            self.flag = bad if self.flag is None else self.emit(f"or i1 {self.flag}, {bad}")


def postorder(f: Formula, known: Mapping[Formula, Any]) -> list[Formula]:
    """The formulas inside `f`, arguments first, each once; not those in `known`, nor what only they need."""
    found: dict[Formula, None] = {}

    def visit(g: Formula) -> None:
        if g not in found and g not in known:
            for h in g.args if g.op not in ("number", "symbol") else ():
                visit(h)
            found[g] = None

    visit(f)
    return list(found)


def never_refused(f: Formula) -> bool:
    """Whether an operation cannot raise, whatever numbers come: e^-|a| is at most 1, and 1 + e^a is positive."""
    if f.op == "exp":
        return f.args[0].op == "neg" and _at_least_zero(f.args[0].args[0])
    if f.op == "div":
        return _positive(f.args[1])
    return f.op == "log1p" and _at_least_zero(f.args[0])


def _at_least_zero(f: Formula) -> bool:
    return f.op in ("absolute", "exp") or _positive(f)


def _positive(f: Formula) -> bool:
    if f.op == "number":
        return bool(f.args[0] > 0.0)
    return f.op == "add" and any(map(_positive, f.args)) and all(map(_at_least_zero, f.args))


def lowered(row: Row) -> Formula:
    """The value of a row in operations of the machine; NotLowered for one that has none."""
    f = opened(row.value)
    known = {*ARITHMETIC, *COMPARISONS, *LIBRARY, *REDUCTIONS, "number", "symbol", "neg", "absolute", "where", "sqrt"}
    if unknown := sorted({g.op for g in each(f)} - known - {"power"}):
        raise NotLowered(f"the row {row.name!r} uses {unknown[0]!r}, which has no machine code")
    return f
