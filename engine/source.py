"""Rows as Python source: straight-line functions on floats, and the functions that record a node.

Every operator of `Value` is written here, from its row, when the engine is imported. The source is
registered with `linecache`, so tracebacks and debuggers show it; `recorder_source(row)` is it.
"""

from __future__ import annotations

import itertools
import linecache
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from engine.formula import (
    ATOM,
    COMPARISON,
    CONDITION,
    PRODUCT,
    REDUCTIONS,
    SUM,
    Formula,
    Itself,
    Notation,
    Phrase,
    computed,
    each,
    fold,
    formula,
    infix,
    rebuild,
    writer,
)
from engine.ieee import largest
from engine.ops import TABLE, Row


# Python's own notation; every other operation is a function of that name
PYTHON = {
    "add": infix("{} + {}", SUM),
    "sub": infix("{} - {}", SUM),
    "mul": infix("{} * {}", PRODUCT),
    "div": infix("{} / {}", PRODUCT),
    "neg": infix("-{}", PRODUCT),
    "absolute": Notation("abs({})"),
    "where": Notation("{1} if {0} else {2}", CONDITION, (COMPARISON, COMPARISON, CONDITION)),
    **{
        op: infix("{} " + sign + " {}", COMPARISON)
        for op, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "=="}.items()
    },
}
python = writer(PYTHON)
MACHINE = {"power": math.pow, "largest": largest, "inf": math.inf, "nan": math.nan} | {
    f: getattr(math, f) for f in ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "isfinite"]
}


def opened(f: Formula, **meanings: Formula) -> Formula:
    """`f` in operations of the machine alone: the computed form, and rows replaced by their values.

    >>> opened(TABLE["tanh"].partials[0]).op
    'mul'
    >>> sorted({g.op for g in each(opened(TABLE["sigmoid"].value))} - {"number", "symbol"})
    ['absolute', 'add', 'div', 'exp', 'ge', 'neg', 'where']
    """

    def read(op: str, *args: Any) -> Formula:
        if op == "number":
            return formula(args[0])
        row = TABLE.get(op)
        if row is None or row.elementary:
            return rebuild(op, *args)
        return opened(row.value, **dict(zip(row.args, args, strict=True)))

    return fold(f, Itself(f, meanings), read)  # type: ignore[no-any-return]


class Body:
    """The statements that compute some formulas, each shared part once, no branch before it is chosen."""

    def __init__(self, formulas: Sequence[Formula], symbols: dict[str, str], vectors: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.vectors = vectors  # symbol -> the name of the sequence it runs over
        self.read: dict[Formula, Phrase] = {}
        self.symbols = symbols
        self.uses, self.always = _uses(formulas)

    def expression(self, f: Formula) -> Phrase:
        """The text of `f`; what it needs is appended to the lines."""
        if f not in self.read:
            self.read[f] = self._read(f)
        return self.read[f]

    def vector(self, f: Formula) -> str:
        """The text of the list of `f` over its elements."""
        if f.op == "symbol":
            return self.vectors[f.args[0]]
        inner = self.expression(f)
        return f"[{inner} {self._loop(f)}]"

    def local(self, name: str, f: Formula) -> None:
        """Assign `f` to the local variable `name`."""
        self.lines.append(f"{name} = {self.vector(f) if f.vector else self.expression(f)}")
        self.read[f] = Phrase(name)

    def _read(self, f: Formula) -> Phrase:
        if f.op == "symbol":
            return Phrase(self.symbols[f.args[0]])
        if f.op == "number":
            return Phrase(repr(f.args[0]), PRODUCT if f.args[0] < 0 else ATOM)
        if f.op == "total":
            inner = self.expression(f.args[0])
            name = f"t{len(self.lines)}"
            self.lines += [f"{name} = -0.0", f"{self._loop(f.args[0])}: {name} += {inner}"]
            return Phrase(name)
        if f.op == "largest":
            return self._shared(Phrase(f"largest({self.vector(f.args[0])})"))
        phrase = python(f.op, *map(self.expression, f.args))
        return self._shared(phrase) if self.uses[f] > 1 and f in self.always and not f.vector else phrase

    def _shared(self, phrase: Phrase) -> Phrase:
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {phrase}")
        return Phrase(name)

    def _loop(self, f: Formula) -> str:
        over = [s for s in self.vectors if _mentions(f, s)]
        if len(over) == 1:
            return f"for {over[0]}_i in {self.vectors[over[0]]}"
        names, sequences = ", ".join(f"{s}_i" for s in over), ", ".join(self.vectors[s] for s in over)
        return f"for {names} in zip({sequences})"


def _mentions(f: Formula, s: str) -> bool:
    return any(g.op == "symbol" and g.args[0] == s for g in each(f))


def _summed_once(s: str, value: Formula, partials: Sequence[Formula]) -> bool:
    """Whether the numbers of vector `s` are needed for one sum alone, so that no list of them is worth making."""
    loops = [g for g in each(value) if g.op in REDUCTIONS and _mentions(g, s)]
    return len(loops) == 1 and loops[0].op == "total" and not any(_mentions(f, s) for f in partials)


def _uses(formulas: Sequence[Formula]) -> tuple[dict[Formula, int], set[Formula]]:
    """How often each part is used, and the parts that are used whatever the conditions say."""
    uses: dict[Formula, int] = {}
    always: set[Formula] = set()
    stack = [(f, True) for f in formulas]
    seen: set[tuple[Formula, bool]] = set()
    while stack:
        f, certain = stack.pop()
        uses[f] = uses.get(f, 0) + 1
        if certain:
            always.add(f)
        if (f, certain) not in seen and f.op not in ("number", "symbol"):
            seen.add((f, certain))
            stack += [(g, certain and (f.op != "where" or i == 0)) for i, g in enumerate(f.args)]
    return uses, always


def steep(f: Formula) -> bool:
    """Whether a partial can be infinite at finite arguments: it divides, takes a logarithm or a power."""
    return any(g.op in ("div", "log", "log1p", "pow") for g in each(computed(f)))


def value_source(row: Row) -> str:
    """The row on plain floats: it raises where Python's arithmetic does.

    >>> print(value_source(TABLE["relu"]))
    def relu_f(a):
        y = 0.0 if a <= 0.0 else a
        return y
    <BLANKLINE>
    """
    f = opened(row.value)
    vectors = {s: s for s, v in zip(row.args, row.vector, strict=True) if v}
    body = Body([f], {s: f"{s}_i" if s in vectors else s for s in row.args}, vectors)
    body.local("y", f)
    return _function(f"{row.name}_f", row.args, [*body.lines, "return y"])


def node_lines(row: Row, live: Sequence[bool]) -> list[str]:
    """The statements that record a node of `row`: data on the node, local partials on its edges.

    `live[k]` says whether argument k can have a gradient; only then is its partial computed. Rows of
    one or two numbers keep arguments and partials in flat slots. The others keep groups: a tuple of
    arguments for each vector, of one for each number, and the partials likewise.
    """
    wanted = [opened(p) for p, alive in zip(row.partials, live, strict=True) if alive]
    value = opened(row.value)
    lines, symbols, vectors = ["n = node()"], {"y": "y"}, {}
    for s, is_vector, alive in zip(row.args, row.vector, live, strict=True):
        if is_vector and alive and _summed_once(s, value, wanted):
            symbols[s], vectors[s] = f"{s}_i.data", s
        elif is_vector:
            symbols[s], vectors[s] = f"{s}_i", f"{s}_s"
            lines.append(f"if {s}_s is None: {s}_s = " + (f"[v.data for v in {s}]" if alive else s))
        else:
            symbols[s] = f"{s}_" if alive else s
            if alive:
                lines.append(f"{s}_ = {s}.data")
    body = Body([value, *wanted], symbols, vectors)
    body.local("y", value)
    body.read[Formula("symbol", "y")] = Phrase("y")
    slopes = []
    for s, partial, alive, is_vector in zip(row.args, row.partials, live, row.vector, strict=True):
        if not alive:
            slopes.append("None")
            continue
        f = opened(partial)
        one = body.vector(f) if f.vector else body.expression(f)
        if f.vector and steep(partial):
            body.lines += [f"d{s} = {one}", f"if not all(map(isfinite, d{s})): d{s} = [*map(steepened, d{s})]"]
            one = f"d{s}"
        elif steep(partial):
            body.lines += [f"d{s} = {one}", f"if not isfinite(d{s}): d{s} = Steep(d{s})"]
            one = f"d{s}"
        if is_vector and not f.vector:
            one = f"({one},) * len({s})"
        elif not row.flat and not is_vector:
            one = f"({one},)"
        slopes.append(one)
    lines += [*body.lines, "n.data = y"]
    if row.flat:
        a, b = (*row.args, "None")[:2]
        da, db = (*slopes, "None")[:2]
        lines.append(f"n._a = {a}; n._da = {da}; n._b = {b}; n._db = {db}")
    else:
        groups = [s if v else f"({s},)" for s, v in zip(row.args, row.vector, strict=True)]
        lines.append(f"n._a = ({', '.join(groups)},); n._b = ({', '.join(slopes)},); n._da = n._db = None")
    return [*lines, f"n.op = {row.name}_row; n.grad = n.label = None; n._born = tick()", "return n"]


def _function(name: str, params: Sequence[str], lines: Sequence[str]) -> str:
    return f"def {name}({', '.join(params)}):\n" + "".join(f"    {line}\n" for line in lines)


def _careful(row: Row, lines: Sequence[str], args: Sequence[str]) -> list[str]:
    """`lines` in a `try`: what Python's arithmetic refuses is read again, carefully."""
    return [
        "try:",
        *(f"    {line}" for line in lines),
        f"except (ArithmeticError, ValueError, TypeError) as refusal: return careful({row.name}_row, refusal, {', '.join(args)})",
    ]


def recorder_source(row: Row) -> str:
    """The functions that record a node of `row`, by what its arguments are.

    A row of one number gives `name_v(a)`. A row of two gives `name_v(a, b)` for a Value and anything,
    and `name_n(b, a)` for a number before a Value. A row of groups gives one function for each choice
    of live arguments, named by it: `net_vnv(w, x, b)` has numbers for x.
    """
    name, args = row.name, row.args
    if not row.flat:
        out = []
        params = [*args, *(f"{s}_s=None" for s, v in zip(args, row.vector, strict=True) if v)]
        for live in itertools.product((True, False), repeat=len(args)):
            if any(live):
                kinds = "".join("nv"[v] for v in live)
                out.append(_function(f"{name}_{kinds}", params, _careful(row, node_lines(row, live), args)))
        return "\n".join(out)
    if len(args) == 1:
        return _function(f"{name}_v", args, _careful(row, node_lines(row, (True,)), args))
    a, b = args
    both = textwrap.indent("\n".join(node_lines(row, (True, True))), "    ").splitlines()
    left = [f"if {b}.__class__ is Value:", *both, f"if {b}.__class__ is not float: {b} = number({b}, {name!r})"]
    right = [f"if {a}.__class__ is not float: {a} = number({a}, {name!r})"]
    return "\n".join(
        [
            _function(f"{name}_v", (a, b), _careful(row, [*left, *node_lines(row, (True, False))], args)),
            _function(f"{name}_n", (b, a), _careful(row, [*right, *node_lines(row, (False, True))], args)),
        ]
    )


def define(source: str, filename: str, names: dict[str, Any]) -> None:
    """Run `source` with the globals `names`, so that tracebacks and debuggers can show it."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), names)


NAMES: dict[str, Any] = dict(MACHINE)  # the globals of everything written here; `Value` and its kin join them


def recorder(name: str, kinds: str) -> Any:
    """The function written from row `name` for arguments of these kinds: v a Value, n a number, f all floats."""
    key = f"{name}_{kinds}"
    if key not in NAMES:
        row = TABLE[name]
        NAMES[f"{name}_row"] = row
        define(value_source(row) + "\n" + recorder_source(row), f"<row {name}>", NAMES)
    return NAMES[key]
