"""Rows as JavaScript: what a page needs to evaluate a graph by itself.

One function for each row, in the operations of IEEE 754, which never raise; sums run from left to
right, so the numbers differ from the engine's only where a browser's `exp` or `tanh` does.
"""

from __future__ import annotations

from engine.formula import (
    ATOM,
    COMPARISON,
    CONDITION,
    PRODUCT,
    SUM,
    Formula,
    Notation,
    Phrase,
    each,
    infix,
    writer,
)
from engine.ops import Row
from engine.source import opened


JAVASCRIPT = {
    "add": infix("{} + {}", SUM),
    "sub": infix("{} - {}", SUM),
    "mul": infix("{} * {}", PRODUCT),
    "div": infix("{} / {}", PRODUCT),
    "neg": Notation("-{}", PRODUCT, (PRODUCT + 1,)),
    "power": Notation("power({}, {})"),
    "absolute": Notation("Math.abs({})"),
    "where": Notation("{} ? {} : {}", CONDITION, (COMPARISON, COMPARISON, COMPARISON)),
    **{op: Notation(f"Math.{op}({{}})") for op in ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh"]},
    **{
        op: infix("{} " + sign + " {}", COMPARISON)
        for op, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==="}.items()
    },
}

COMPARISONS = {"lt", "le", "gt", "ge", "eq"}

# -0.0 + x is x in every bit, so a sum that starts there starts with its first term; 1 and, with an infinite
# exponent, -1 have powers in C that JavaScript calls NaN
LIBRARY = """\
function total(n, term) { let s = -0; for (let i = 0; i < n; i++) s += term(i); return s; }
function power(a, b) { return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b); }
function largest(n, term) { let m = term(0); for (let i = 1; i < n; i++) m = Math.max(m, term(i)); return m; }
"""
_write = writer(JAVASCRIPT)


def javascript(row: Row) -> str:
    """The function of a row: numbers in, the value out; a vector is an array.

    >>> from engine.ops import TABLE
    >>> print(javascript(TABLE["relu"]))
    function row_relu(a) {
      const t0 = a <= 0;
      const t1 = t0 ? 0 : a;
      return t1;
    }
    >>> print(javascript(TABLE["net"]))
    function row_net(w, x, b) {
      const n = w.length;
      const t0 = total(n, i => w[i] * x[i]);
      const t1 = t0 + b;
      return t1;
    }
    """
    value = opened(row.value)
    names = {s: variable(s) for s in row.args}
    vectors = [s for s, v in zip(row.args, row.vector, strict=True) if v]
    lines = [f"const n = {names[vectors[0]]}.length;"] if vectors else []
    known: dict[Formula, Phrase] = {}

    def read(f: Formula) -> Phrase:
        if f not in known:
            known[f] = phrase(f)
        return known[f]

    def phrase(f: Formula) -> Phrase:
        if f.op == "symbol":
            return Phrase(f"{names[f.args[0]]}[i]" if f.vector else names[f.args[0]])
        if f.op == "number":
            return _number(f.args[0])
        if f.op in ("total", "largest"):
            return constant(f"{f.op}(n, i => {read(f.args[0])})")
        args = [*map(read, f.args)]
        if f.op == "where" and f.args[0].op not in COMPARISONS:
            args[0] = Phrase(f"{args[0]} !== 0", COMPARISON)  # a NaN counts as true, as in Python
        p = _write(f.op, *args)
        return p if f.vector else constant(p)

    def constant(expression: str) -> Phrase:
        name = f"t{sum(line.startswith('const t') for line in lines)}"
        lines.append(f"const {name} = {expression};")
        return Phrase(name)

    lines.append(f"return {read(value)};")
    return f"function row_{row.name}({', '.join(names.values())}) {{\n" + "".join(f"  {line}\n" for line in lines) + "}"


def variable(symbol: str) -> str:
    """The symbol as a variable: itself if it is one letter, else with a mark that no word of JavaScript has."""
    return symbol if len(symbol) == 1 and symbol != "i" else f"{symbol}_"


def _number(x: float) -> Phrase:
    if x != x:
        return Phrase("NaN")
    s = repr(x).replace("inf", "Infinity").removesuffix(".0")
    return Phrase(s, PRODUCT if s.startswith("-") else ATOM)


def script(rows: list[Row]) -> str:
    """The functions of all `rows`, and the sums they rest on, as one script; `ROWS[name]` is a row's function."""
    names = ", ".join(f"{row.name}: row_{row.name}" for row in rows)
    return LIBRARY + "\n".join(map(javascript, rows)) + f"\nconst ROWS = {{{names}}};\n"


def supported(row: Row) -> bool:
    """Whether every operation of a row's value is one that JavaScript has."""
    known = {*JAVASCRIPT, "number", "symbol", "total", "largest"}
    return all(f.op in known for f in each(opened(row.value)))
