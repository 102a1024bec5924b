r"""The table of operations: the only place where a derivative is written.

A row is a name, the result y, and dy/d(argument) for every argument, as formulas. Everything else
reads the rows: `Value` as floats, `gradient` as Values, pictures and explanations as text and LaTeX,
programs as source. Nothing here mentions gradients that arrive from above: the chain rule is written
once, in `Value.backward`.

    a, b, c     the arguments, numbers; y is the result, and a partial may use it
    w, x        vectors, standing for their elements; total(...) is the sum over them, left to right
    written     the form that the notes print, and the form that loses no digits

Adding an operation is adding a row: its tests, its Python, its text and its LaTeX follow.
"""

from __future__ import annotations

from functools import cached_property

from engine.formula import (
    ATOM,
    COMPARISON,
    CONDITION,
    LATEX,
    POWER,
    PRODUCT,
    SUM,
    TEXT,
    Notation,
    Operand,
    computed,
    each,
    formula,
    function,
    infix,
    largest,
    symbol,
    total,
    where,
    written,
)


TABLE: dict[str, Row] = {}


class Row:
    """One operation: its value and its partial derivatives as formulas, its notation, its conventions.

    `args` names the symbols of the arguments in order. `domain` says where the operation is defined,
    `convention` what its derivative is at a kink or an edge. `text` and `latex` are templates. The row
    joins the engine's table, or another that is given. It raises where Python's floats do; `quietly` is
    the same operation as derivatives use it, which has an infinity or a NaN there.

    >>> TABLE["mul"]
    <row mul: y = a*b, dy/da = b, dy/db = a>
    """

    quiet = False  # whether its nodes have an infinity or a NaN where Python's floats raise

    def __init__(
        self,
        name: str,
        value: Operand,
        *partials: Operand,
        args: tuple[str, ...] | None = None,
        text: Notation | str | None = None,
        latex: Notation | str | None = None,
        domain: str = "",
        convention: str = "",
        table: dict[str, Row] | None = None,
    ) -> None:
        table = TABLE if table is None else table
        self.name = name
        self.value = formula(value)
        self.partials = tuple(map(formula, partials))
        self.args = args or ("a", "b", "c")[: len(partials)]
        self.domain = domain
        self.convention = convention
        symbols = {g.args[0]: g.vector for f in (self.value, *self.partials) for g in each(f) if g.op == "symbol"}
        if name in table:
            raise ValueError(f"there is a row {name!r} already; a new operation needs a new name")
        if not name.isidentifier():
            raise ValueError(f"the name of a row must be a Python name, not {name!r}")
        if len(self.args) != len(partials):
            raise ValueError(f"row {name}: {len(self.args)} arguments {self.args} but {len(partials)} partials")
        if taken := sorted({"n", "y"} & {*self.args}):
            raise ValueError(f"row {name}: no argument can be called {taken[0]!r}: y is the result and n the node")
        if unknown := symbols.keys() - {*self.args, "y"}:
            raise ValueError(f"row {name}: its formulas use {sorted(unknown)}, which are not among {self.args}")
        self.vector = tuple(symbols.get(s, False) for s in self.args)
        self.flat = len(self.args) <= 2 and not any(self.vector)  # of one or two numbers
        self.notation = tuple(Notation(n) if isinstance(n, str) else n for n in (text, latex))
        for notations, n in zip((TEXT, LATEX), self.notation, strict=True):
            if n is not None:
                notations[name] = n
        table[name] = self

    @cached_property
    def quietly(self) -> Row:
        """The twin whose nodes follow IEEE 754, whenever and by whatever they are evaluated.

        >>> TABLE["log"].quietly, TABLE["log"].quietly.quietly is TABLE["log"].quietly
        (<quiet row log: y = log(a), dy/da = 1/a>, True)
        """
        if self.quiet:
            return self
        twin = object.__new__(Row)
        twin.__dict__ |= {**self.__dict__, "quiet": True}
        return twin

    @cached_property
    def elementary(self) -> bool:
        """Whether the machine does it: its value is nothing but itself, or rests on itself."""
        return any(g.op == self.name for g in each(computed(self.value)))

    @property
    def symbol(self) -> str:
        """The sign of an operator, the name of any other operation."""
        text = self.notation[0]
        return self.name if text is None or text.binds == ATOM else text.template.replace("{}", "").strip()

    def __repr__(self) -> str:
        slopes = (f"dy/d{s} = {f}" for s, f in zip(self.args, self.partials, strict=True))
        return f"<{'quiet ' * self.quiet}row {self.name}: " + ", ".join([f"y = {self.value}", *slopes]) + ">"

    def __reduce__(self) -> tuple[object, tuple[str, bool]]:
        return row, (self.name, self.quiet)


def row(name: str, quiet: bool = False) -> Row:
    """The row of that name, or its quiet twin; how a row is pickled."""
    if name not in TABLE:
        raise LookupError(f"there is no row {name!r}: define it with primitive() before nodes that it made are loaded")
    return TABLE[name].quietly if quiet else TABLE[name]


a, b, c, y = map(symbol, "abcy")
w, x = (symbol(s, vector=True) for s in "wx")
exp, log, log1p, expm1, sqrt, sin, cos, tanh, absolute, sigmoid, power = map(
    function, ("exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tanh", "absolute", "sigmoid", "power")
)

e = exp(-absolute(a))  # in (0, 1]: never overflows
m = largest(x)  # the shift that keeps exponentials finite
share = exp(x - m) / total(exp(x - m))  # softmax, element by element
finite = (a - a).equals(0)  # false for infinities and NaN

# fmt: off
# ---- arithmetic
#    name         y                             dy/da                                   dy/db
Row("add",        a + b,                        1,                                      1,
    text=infix("{} + {}", SUM),                 latex=infix("{} + {}", SUM))
Row("sub",        a - b,                        1,                                     -1,
    text=infix("{} - {}", SUM),                 latex=infix("{} - {}", SUM))
Row("mul",        a * b,                        b,                                      a,
    text=infix("{}*{}", PRODUCT),               latex=infix(r"{}\,{}", PRODUCT))
Row("div",        a / b,                        1 / b,                                 -y / b,
    text=infix("{}/{}", PRODUCT),               latex=r"\frac{{{}}}{{{}}}",             domain="b != 0")
Row("neg",       -a,                           -1,
    text=infix("-{}", PRODUCT),                 latex=infix("-{}", PRODUCT))

# ---- powers, exponentials, logarithms
#    name         y                             dy/da                                   dy/db
Row("log",        log(a),                       1 / a,
    latex=infix(r"\ln {}", POWER),              domain="a > 0")
Row("log1p",      log1p(a),                     1 / (1 + a),
    latex=r"\ln(1 + {})",                       domain="a > -1")
Row("exp",        exp(a),                       y,
    latex=Notation("e^{{{}}}", POWER),          domain="a < 709.79")
Row("expm1",      expm1(a),                     written(y + 1, exp(a)),
    latex=Notation("e^{{{}}} - 1", SUM),        domain="a < 709.79")
Row("sqrt",       sqrt(a),                      1 / (2 * y),
    latex=r"\sqrt{{{}}}",                       domain="a >= 0",                        convention="dy/da = +inf at a = 0")
Row("pow",        written(a ** b, where(b.equals(2), a * a, power(a, b))),
                                                written((s := b * a ** (b - 1)), where(b.equals(0), where(a.equals(0), 0, s), s)),
                                                written(y * log(a), where(a.equals(0), where(b > 0, 0, log(a)), y * log(a))),
    text=Notation("{}**{}", POWER, (POWER + 1, POWER)),
    latex=Notation("{}^{{{}}}", POWER, (POWER + 1,)),
    domain="a > 0, or a < 0 with a whole b, or a = 0 with b >= 0",
    convention="at b = 0 dy/da = 0; at a = 0 the limit, and dy/db = 0 for b > 0; at a < 0 dy/db is NaN")
Row("hypot",      written(sqrt(a * a + b * b), where((p := absolute(a)) >= (q := absolute(b)),
                                                     where(p.equals(q), p * sqrt(2), p * sqrt(1 + q / p * (q / p))),
                                                     where(q > p, q * sqrt(1 + p / q * (p / q)), a + b))),
                                                written(a / y, where(y.equals(0), 0, a / y)), written(b / y, where(y.equals(0), 0, b / y)),
    latex=r"\sqrt{{{}^2 + {}^2}}",              convention="both partials are 0 at (0, 0)")

# ---- waves and activations
#    name         y                             dy/da                                   dy/db
Row("sin",        sin(a),                       cos(a),                                 latex=infix(r"\sin {}", POWER))
Row("cos",        cos(a),                      -sin(a),                                 latex=infix(r"\cos {}", POWER))
Row("tanh",       tanh(a),                      written(1 - y * y, 4 * sigmoid(2 * a) * sigmoid(-(2 * a))),
    latex=infix(r"\tanh {}", POWER))
Row("sigmoid",    written(1 / (1 + exp(-a)), where(a >= 0, 1, e) / (1 + e)),
                                                written(y * (1 - y), y * sigmoid(-a)),  latex=r"\sigma({})")
Row("softplus",   written(log(1 + exp(a)), where(a > 0, a, 0) + log1p(e)),
                                                sigmoid(a))
Row("relu",       where(a <= 0, 0, a),          where(a <= 0, 0, 1),                    convention="dy/da = 0 at a = 0")
Row("leaky_relu", where(a > 0, a, b * a),       where(a > 0, 1, b),                     where(a > 0, 0, a),
    convention="dy/da = b at a = 0")

# ---- choices
#    name         y                             dy/da                                   dy/db
Row("absolute",   absolute(a),                  where(a > 0, 1, where(a < 0, -1, 0)),
    text="|{}|", latex=r"\left|{}\right|",      convention="dy/da = 0 at a = 0")
Row("maximum",    written(where(a >= b, a, b), where(a > b, a, where(b > a, b, where(a.equals(b), a, a + b)))),
                                                where(a > b, 1, where(b > a, 0, 0.5)),  where(b > a, 1, where(a > b, 0, 0.5)),
    latex=r"\max({}, {})",                      convention="one half each at a tie; NaN wins")
Row("minimum",    written(where(a <= b, a, b), where(a < b, a, where(b < a, b, where(a.equals(b), a, a + b)))),
                                                where(a < b, 1, where(b < a, 0, 0.5)),  where(b < a, 1, where(a < b, 0, 0.5)),
    latex=r"\min({}, {})",                      convention="one half each at a tie; NaN wins")
Row("lt",         where(a < b, 1, 0),           0,                                      0,
    text=infix("{} < {}", COMPARISON),          latex=infix("{} < {}", COMPARISON))
Row("le",         where(a <= b, 1, 0),          0,                                      0,
    text=infix("{} <= {}", COMPARISON),         latex=infix(r"{} \le {}", COMPARISON))
Row("gt",         where(a > b, 1, 0),           0,                                      0,
    text=infix("{} > {}", COMPARISON),          latex=infix("{} > {}", COMPARISON))
Row("ge",         where(a >= b, 1, 0),          0,                                      0,
    text=infix("{} >= {}", COMPARISON),         latex=infix(r"{} \ge {}", COMPARISON))
Row("eq",         where(a.equals(b), 1, 0),     0,                                      0,
    text=infix("{} == {}", COMPARISON),         latex=infix("{} = {}", COMPARISON))
#                                               dy/dc           dy/da                   dy/db
Row("where",      where(c, a, b),               0,              where(c, 1, 0),         where(c, 0, 1),
    args=("c", "a", "b"),                       text=Notation("{1} if {0} else {2}", CONDITION, (0, 0, CONDITION)),
    latex=r"\begin{{cases}}{1} & {0}\\{2}\end{{cases}}", convention="only the chosen branch has a gradient")
Row("azmul",      written(a * b, where(b.equals(0), where(finite, a * b, 0), a * b)),
                                                b,                                      written(a, where(b.equals(0), where(finite, a, 0), a)),
    text=infix("{}*{}", PRODUCT),               latex=infix(r"{}\,{}", PRODUCT),
    convention="an infinite a times a b of exactly zero is zero")

# ---- vectors: a partial by a vector is a vector
#    name         y                             dy/dw_i         dy/dx_i                 dy/db
Row("total",      total(x),                                     1,                                              args=("x",),
    text="sum_k({})",                           latex=infix(r"\sum_k {}", PRODUCT))
Row("dot",        total(w * x),                 x,              w,                                              args=("w", "x"))
Row("net",        total(w * x) + b,             x,              w,                      1,                      args=("w", "x", "b"))
Row("largest",    largest(x),                                   where(x.equals(y), 1 / total(where(x.equals(y), 1, 0)), 0), args=("x",),
    text="max_k({})",                           latex=r"\max_k({})", convention="equal shares at a tie")
Row("logsumexp",  written(log(total(exp(x))), m + log(total(exp(x - m)))),
                                                                written(exp(x - y), share),                     args=("x",))
#                                               dy/da           dy/dx_i
Row("softmax",    written(exp(a) / total(exp(x)), exp(a - m) / total(exp(x - m))),
                                                y,              written(-y * exp(x) / total(exp(x)), -y * share), args=("a", "x"))
# fmt: on
