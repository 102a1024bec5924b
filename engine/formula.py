"""Formulas: expressions over the symbols of a row, built by ordinary arithmetic and only ever read.

A formula never computes anything by itself. `fold` reads it bottom-up, and what comes out depends on
the reader: a number, a `Value`, text, LaTeX, Python source. Equal formulas are one object, so what is
written once is computed once.

    >>> a, y = symbol("a"), symbol("y")
    >>> y * (1 - y)
    y*(1 - y)
    >>> y * (1 - y) is y * (1 - y)
    True
    >>> fold(y * (1 - y), {"y": "y"}, lambda op, *read: f"{op}({', '.join(map(str, read))})")
    'mul(y, sub(number(1.0), y))'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeAlias


class Formula:
    """An operation's name over formulas; the leaves are numbers and symbols."""

    __slots__ = ("args", "op", "vector")
    op: str
    args: tuple[Any, ...]  # formulas; of a number or a symbol: its value or its name
    vector: bool  # stands for one number per element, as the symbols of a vector do
    _known: ClassVar[dict[tuple[Any, ...], Formula]] = {}

    def __new__(cls, op: str, *args: Any, vector: bool = False) -> Formula:
        if op in ("neg", "absolute") and args[0].op == "neg":  # -(-f) is f, |-f| is |f|: the same bits
            (f,) = args[0].args
            return f if op == "neg" else Formula(op, f)
        key = (op, *map(repr, args), vector) if op in ("number", "symbol") else (op, *args)
        if key not in cls._known:
            f = cls._known[key] = object.__new__(cls)
            f.op, f.args = op, args
            f.vector = vector or (op not in REDUCTIONS and any(isinstance(g, Formula) and g.vector for g in args))
        return cls._known[key]

    # fmt: off
    def __add__(self, other: Operand) -> Formula: return Formula("add", self, formula(other))
    def __radd__(self, other: Operand) -> Formula: return Formula("add", formula(other), self)
    def __sub__(self, other: Operand) -> Formula: return Formula("sub", self, formula(other))
    def __rsub__(self, other: Operand) -> Formula: return Formula("sub", formula(other), self)
    def __mul__(self, other: Operand) -> Formula: return Formula("mul", self, formula(other))
    def __rmul__(self, other: Operand) -> Formula: return Formula("mul", formula(other), self)
    def __truediv__(self, other: Operand) -> Formula: return Formula("div", self, formula(other))
    def __rtruediv__(self, other: Operand) -> Formula: return Formula("div", formula(other), self)
    def __pow__(self, other: Operand) -> Formula: return Formula("pow", self, formula(other))
    def __rpow__(self, other: Operand) -> Formula: return Formula("pow", formula(other), self)
    def __neg__(self) -> Formula: return Formula("neg", self)
    def __abs__(self) -> Formula: return Formula("absolute", self)
    def __gt__(self, other: Operand) -> Formula: return Formula("gt", self, formula(other))
    def __lt__(self, other: Operand) -> Formula: return Formula("lt", self, formula(other))
    def __ge__(self, other: Operand) -> Formula: return Formula("ge", self, formula(other))
    def __le__(self, other: Operand) -> Formula: return Formula("le", self, formula(other))
    def equals(self, other: Operand) -> Formula: return Formula("eq", self, formula(other))
    # fmt: on

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self} is neither true nor false before it is read: write where(condition, this, that)")

    def __repr__(self) -> str:
        return text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        leaf = self.op == "symbol" and self.vector
        return (_formula, (self.op, self.args, leaf))


Operand: TypeAlias = Formula | float
REDUCTIONS = {"total", "largest"}  # what turns a vector into a number


def _formula(op: str, args: tuple[Any, ...], vector: bool) -> Formula:
    return Formula(op, *args, vector=vector)


def formula(x: Operand) -> Formula:
    """The number `x` as a formula; a formula stays what it is."""
    return x if isinstance(x, Formula) else Formula("number", float(x))


def symbol(name: str, vector: bool = False) -> Formula:
    """A name that a reader will give a meaning to; a vector's name stands for each of its elements."""
    return Formula("symbol", name, vector=vector)


def function(name: str) -> Callable[..., Formula]:
    """Make the operation `name` writable in formulas: after `exp = function("exp")`, `exp(-a)` is one."""
    return lambda *args: Formula(name, *map(formula, args))


# What only formulas have: sums and maxima over a vector, and a shown form beside the computed one.
where, total, largest = map(function, ("where", "total", "largest"))
written = function("written")  # written(as the notes print it, as it is computed without losing digits)


def fold(
    f: Formula,
    symbols: Mapping[str, Any],
    read: Callable[..., Any],
    shown: bool = False,
    memo: dict[Formula, Any] | None = None,
) -> Any:
    """Read `f` bottom-up: `symbols` gives a symbol its meaning, `read(op, *args)` an operation its own.

    Of `written(shown, computed)` one form is read, the computed one unless `shown`. `memo` keeps what
    was read, so that several formulas read with the same memo share their common parts.
    """
    memo = {} if memo is None else memo
    if f not in memo:
        if f.op == "symbol":
            memo[f] = symbols[f.args[0]]
        elif f.op == "number":
            memo[f] = read("number", f.args[0])
        elif f.op == "written":
            memo[f] = fold(f.args[0 if shown else 1], symbols, read, shown, memo)
        else:
            memo[f] = read(f.op, *(fold(g, symbols, read, shown, memo) for g in f.args))
    return memo[f]


def rebuild(op: str, *args: Any) -> Formula:
    """The reader that reads a formula as a formula: `fold(f, itself, rebuild)` has no `written` left."""
    return Formula(op, *args)


class Itself(dict[str, Any]):
    """Symbols that stand for themselves, unless they are given another meaning."""

    def __init__(self, f: Formula, meanings: Mapping[str, Any] | None = None) -> None:
        super().__init__({g.args[0]: g for g in each(f) if g.op == "symbol"})
        self.update(meanings or {})


def each(f: Formula) -> list[Formula]:
    """Every formula inside `f`, itself first, each once."""
    inside = dict.fromkeys([f])
    for g in (stack := [f]):
        if g.op not in ("number", "symbol"):
            stack += [h for h in dict.fromkeys(g.args) if h not in inside]
            inside.update(dict.fromkeys(g.args))
    return list(inside)


def computed(f: Formula) -> Formula:
    """The formula as it is computed: of every `written` the second form.

    >>> a = symbol("a")
    >>> computed(written(1 - a * a, (1 - a) * (1 + a)))
    (1 - a)*(1 + a)
    """
    return fold(f, Itself(f), rebuild)  # type: ignore[no-any-return]


# ---- text and LaTeX -----------------------------------------------------------------------------


CONDITION, COMPARISON, SUM, PRODUCT, POWER, ATOM = -1, 0, 1, 2, 4, 9  # how tightly a phrase binds


class Notation(NamedTuple):
    """How an operation is written: a template with a `{}` per argument, and how tightly it binds.

    `needs` says how tightly each argument must bind to stand without brackets; an argument that the
    template encloses needs nothing.
    """

    template: str
    binds: int = ATOM
    needs: tuple[int, ...] = ()


def infix(template: str, binds: int) -> Notation:
    """The brackets of an operation that is read from the left: `a - b - c`, but `a - (b - c)`."""
    return Notation(template, binds, (binds, binds + 1)[: template.count("{}")])


TEXT: dict[str, Notation] = {}  # filled by the rows as they are written down
LATEX: dict[str, Notation] = {}
INDEX = "\0"  # the index of a vector's element; the nearest sum around it names it k, otherwise it is i


class Phrase(str):
    """A piece of text that knows how tightly it binds."""

    __slots__ = ("binds",)
    binds: int

    def __new__(cls, s: str, binds: int = ATOM) -> Phrase:
        p = str.__new__(cls, s)
        p.binds = binds
        return p


def writer(notations: Mapping[str, Notation], plain: str = "{}") -> Callable[..., Phrase]:
    """A reader for `fold` that writes: by `notations`, or as `name(a, b)` with the name in `plain`."""

    def write(op: str, *args: Any) -> Phrase:
        if op == "number":
            s = repr(args[0]).removesuffix(".0")
            return Phrase(s, PRODUCT if s.startswith("-") else ATOM)
        name = op if plain == "{}" else op.replace("_", r"\_")  # LaTeX would lower what follows
        n = notations.get(op) or Notation(plain.format(name) + "(" + ", ".join(["{}"] * len(args)) + ")")
        enclosed = [
            p if i >= len(n.needs) or p.binds >= n.needs[i] else f"({p})" for i, p in enumerate(args)
        ]
        s = n.template.format(*enclosed)
        return Phrase(s.replace(INDEX, "k") if op in REDUCTIONS else s, n.binds)

    return write


def text(f: Formula, **names: str) -> str:
    """The formula in one line, as the notes print it; `names` replaces symbols.

    >>> a, b = symbol("a"), symbol("b")
    >>> text(-a / (1 - b), b="y_1")
    '-a/(1 - y_1)'
    """
    return _write(f, names, writer(TEXT), "{}_" + INDEX)


def latex(f: Formula, **names: str) -> str:
    r"""The formula in LaTeX; `names` replaces symbols.

    >>> a, b = symbol("a"), symbol("b")
    >>> print(latex(-a / (1 - b), b="y_1"))
    \frac{-a}{1 - y_1}
    """
    return _write(f, names, writer(LATEX, r"\operatorname{{{{{}}}}}"), "{}_{{" + INDEX + "}}")


def _write(f: Formula, names: Mapping[str, str], write: Callable[..., Phrase], element: str) -> str:
    symbols = {}
    for g in each(f):
        if g.op == "symbol":
            name = g.args[0]
            symbols[name] = Phrase(names.get(name) or (element.format(name) if g.vector else name))
    return str(fold(f, symbols, write, shown=True)).replace(INDEX, "i")
