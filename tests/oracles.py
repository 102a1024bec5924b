"""Independent readings of the table, and the measures that tests compare with.

`exact` reads a formula in mpmath numbers of as many digits as wanted, from the form that the notes
print; `complex_step` reads it in complex numbers; `printed` evaluates the text of a formula. None of
them touches the engine's own readers or its arithmetic.
"""

import cmath
import functools
import itertools
import math
import operator
import random
import re
import struct
import sys

import mpmath as mp

from engine.formula import each, fold, rebuild, text
from engine.ops import TABLE


# ---- comparing


def bits(x):
    """A float as its bits; every NaN is like every other."""
    return "nan" if x != x else struct.pack(">d", x).hex()


def ulps(x, true):
    """How many units in the last place `x` is from the exact number `true`."""
    return float(abs(mp.mpf(x) - true) / math.ulp(float(true)))


# ---- counting


def lines(work):
    """How many lines of Python `work` runs: its cost, the same on every machine however busy."""
    count, before = itertools.count(), sys.gettrace()

    def each_line(frame, event, argument):
        if event == "line":
            next(count)
        return each_line

    sys.settrace(each_line)
    try:
        work()
    finally:
        sys.settrace(before)
    return next(count)


# ---- mpmath


def _defined(f):
    """`f`, with NaN where it is not a real number."""

    def g(*args):
        try:
            z = f(*args)
        except (ValueError, ZeroDivisionError):
            return mp.nan
        return z if isinstance(z, mp.mpf) else mp.nan

    return g


def _power(p, q):
    return mp.nan if p == 0 and q < 0 else mp.power(p, q)


ARITHMETIC = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
}
EXACT = {
    "number": mp.mpf,
    **ARITHMETIC,
    "pow": _power,
    "power": _power,
    "absolute": abs,
    **{f: getattr(mp, f) for f in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh")},
    "sigmoid": lambda p: 1 / (1 + mp.exp(-p)),
    "softplus": lambda p: mp.log1p(mp.exp(p)),
}
CHOICES = {
    **{op: getattr(operator, op) for op in ("lt", "le", "gt", "ge", "eq")},
    "where": lambda c, p, q: p if c else q,
}
EXACT = {name: _defined(f) for name, f in EXACT.items()} | CHOICES


def broadcast(read):
    """A reader of numbers made one of lists: element by element, a number beside a list repeated."""

    def go(op, *args):
        if op == "total":
            return sum(args[0], mp.mpf(0)) if isinstance(args[0][0], mp.mpf) else sum(args[0])
        if op == "largest":
            return max(args[0])
        if not any(isinstance(p, list) for p in args):
            return read(op, *args)
        n = max(len(p) for p in args if isinstance(p, list))
        return [
            read(op, *column) for column in zip(*(p if isinstance(p, list) else [p] * n for p in args), strict=True)
        ]

    return go


def _exactly(op, *args):
    if op in EXACT:
        return EXACT[op](*args)
    return exact(TABLE[op].value, dict(zip(TABLE[op].args, args, strict=True)))


def exact(f, symbols, shown=True):
    """What `f` stands for, as `mpf` in the precision of the moment (a list, where it stands for a vector)."""
    return fold(f, symbols, broadcast(_exactly), shown=shown)


class Point:
    """A row at one place: its arguments as floats and lists of floats, and what is exactly true there."""

    def __init__(self, row, args):
        self.row, self.args = row, args

    def __repr__(self):
        return f"{self.row.name}({', '.join(map(repr, self.args))})"

    @property
    def digits(self):
        """Enough for 50 true ones in 1 - tanh(a)**2, however far a is."""
        return int(80 + 2 * max(abs(x) for p in self.args for x in (p if isinstance(p, list) else [p])))

    @property
    def noise(self):
        """What exact differences may leave where the derivative is zero."""
        return mp.mpf(10) ** (-self.digits // 2)

    def places(self):
        """Every argument as (position, index in its vector or None)."""
        return [(i, k) for i, p in enumerate(self.args) for k in (range(len(p)) if isinstance(p, list) else [None])]

    def moved(self, place=None, h=0):
        """The symbols, with one number moved by h."""
        args = [[mp.mpf(x) for x in p] if isinstance(p, list) else mp.mpf(p) for p in self.args]
        if place is not None:
            i, k = place
            if k is None:
                args[i] += h
            else:
                args[i][k] += h
        return dict(zip(self.row.args, args, strict=True))

    @functools.cache  # noqa: B019 - points are few
    def value(self, shown=True):
        with mp.workdps(self.digits):
            return exact(self.row.value, self.moved(), shown)

    def partial(self, place, shown=True):
        """The row's own formula for a partial, read exactly."""
        with mp.workdps(self.digits):
            symbols = self.moved()
            i, k = place
            read = exact(self.row.partials[i], {**symbols, "y": exact(self.row.value, symbols)}, shown)
            return read[k] if isinstance(read, list) else read

    @functools.cache  # noqa: B019
    def derivative(self, place):
        """The derivative of the shown value by exact differences; None at a kink, an edge or outside."""
        with mp.workdps(self.digits):
            h = mp.mpf(10) ** (-self.digits // 3)
            low, here, high = (exact(self.row.value, self.moved(place, s * h)) for s in (-1, 0, 1))
            left, right, both = (here - low) / h, (high - here) / h, (high - low) / (2 * h)
            smooth = mp.isfinite(both) and abs(left - right) <= mp.mpf(10) ** -12 * (1 + abs(both))
            return both if smooth else None


# ---- complex step


COMPLEX = {
    "number": complex,
    **ARITHMETIC,
    **{f: getattr(cmath, f) for f in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    "log1p": lambda z: cmath.log(1 + z),
    "expm1": lambda z: cmath.exp(z) - 1,
    "pow": lambda z, w: cmath.exp(w * cmath.log(z)),
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "softplus": lambda z: cmath.log(1 + cmath.exp(z)),
}


def analytic(row):
    """Whether the shown value is written in functions of a complex variable alone."""
    symbols = {g.args[0]: g for g in each(row.value) if g.op == "symbol"}
    shown = fold(row.value, symbols, rebuild, shown=True)
    return {g.op for g in each(shown)} <= {*COMPLEX, "symbol", "total"}


def complex_step(point, place, h=1e-30):
    """The derivative as the imaginary part of the shown value, one number moved along the imaginary axis."""
    args = [[complex(x) for x in p] if isinstance(p, list) else complex(p) for p in point.args]
    i, k = place
    if k is None:
        args[i] += complex(0, h)
    else:
        args[i][k] += complex(0, h)
    read = broadcast(lambda op, *zs: COMPLEX[op](*zs))
    return fold(point.row.value, dict(zip(point.row.args, args, strict=True)), read, shown=True).imag / h


# ---- points


SPECIAL = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, 1e-3, -1e-3, 20.0, -20.0]
FAR = [1e-8, -1e-8, 1e-300, -1e-300, 37.0, -37.0, 100.0, -100.0, 300.0, -300.0, 700.0, -700.0]
WILD = [0.0, -0.0, 1.0, -1.0, -1.3, 0.49, 0.99, 1.01, 2.0, -8.0, 1 / 3, 1e-310, 1e200, -1e200]
WILD += [math.inf, -math.inf, math.nan, 1000.0, -1000.0]
RANGES = [(-3.0, 3.0), (0.05, 0.95), (0.1, 4.0)]
LENGTHS = (1, 2, 5)


@functools.cache
def points(row, count=40, seed=0):
    """Special and random points of a row, among which many lie inside its domain."""
    return tuple(_points(row, count, seed))


def _points(row, count, seed):
    r = random.Random(f"{row.name} {seed}")
    if not any(row.vector):
        singles = {1: SPECIAL + FAR, 2: SPECIAL, 3: [0.0, 1.0, -1.0, 0.5]}[len(row.args)]
        yield from (Point(row, list(p)) for p in itertools.product(singles, repeat=len(row.args)))
        for _ in range(count):
            yield Point(row, [r.uniform(*r.choice(RANGES)) for _ in row.args])
        return
    for n in LENGTHS:
        for k in range(count // 2):
            where = [RANGES[(k + j) % 3] for j in range(len(row.args))]
            args = [
                [r.uniform(*w) for _ in range(n)] if v else r.uniform(*w)
                for w, v in zip(where, row.vector, strict=True)
            ]
            if k % 4 == 0:  # special numbers among the others
                i = r.randrange(len(args))
                x = r.choice(SPECIAL)
                args[i] = [x if r.random() < 0.5 else p for p in args[i]] if row.vector[i] else x
            yield Point(row, args)


def wild(row):
    """Points anywhere, infinities and NaN among them."""
    r = random.Random(row.name)
    if len(row.args) <= 2 and not any(row.vector):
        return [Point(row, list(p)) for p in itertools.product(WILD, repeat=len(row.args))]
    draw = lambda: r.choice(WILD)
    return [
        Point(row, [[draw() for _ in range(n)] if v else draw() for v in row.vector])
        for n in LENGTHS
        for _ in range(60)
    ]


# ---- what is printed


def printed(f, symbols):
    """The text of `f`, evaluated: x_k inside a sum is its element, x_i outside one gives a list."""
    source = re.sub(r"\|([^|]*)\|", r"absolute(\1)", text(f))
    source = re.sub(r"\b(sum_k|max_k)\(", r"\1(lambda k: ", source)
    source = re.sub(r"\b(\w)_([ki])\b", r"\1[\2]", source)
    source = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e[-+]?\d+)?)", r"mpf(\1)", source)
    n = max([1, *(len(p) for p in symbols.values() if isinstance(p, list))])
    names = {**EXACT, **symbols, "mpf": mp.mpf}
    names |= {
        name: (lambda *args, row=row: exact(row.value, dict(zip(row.args, args, strict=True))))
        for name, row in TABLE.items()
        if name not in EXACT
    }
    names["sum_k"] = lambda term: sum(map(term, range(n)), mp.mpf(0))
    names["max_k"] = lambda term: max(map(term, range(n)))
    names["__builtins__"] = {}
    value = _defined(lambda i: eval(source, {**names, "i": i}))
    return [value(i) for i in range(n)] if "[i]" in source else value(None)
