"""Number systems: the machine's operations for fractions, for floats, for many digits.

A formula is read in any of them as `engine.ieee` reads it in floats. What a system has no value for
is `Refused`: it is passed on as a NaN would be, and harmless in a branch that is not chosen.

>>> from engine.ops import TABLE
>>> FRACTION.evaluate(TABLE["sigmoid"].value, {"a": Fraction(0)})
Fraction(1, 2)
>>> FRACTION.evaluate(TABLE["sigmoid"].value, {"a": Fraction(1, 3)}).reason
'exp(-1/3) is no fraction'
"""

from __future__ import annotations

import functools
import math
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from engine.errors import short
from engine.formula import Formula, fold
from engine.ieee import FLOATS, elementwise, largest
from engine.ops import TABLE


class Refused(NamedTuple):
    """What stands for a number where a system has none: why, and in a graph the first node where."""

    reason: str
    node: Any = None

    def at(self, n: Any) -> Refused:
        """The same at node `n`, unless it comes from a node below."""
        return self if self.node is not None else Refused(self.reason, n)


class System:
    """A kind of number: how a float becomes one, and what the machine's operations are in it.

    `digits` are the decimal digits that a result carries, infinitely many for fractions.
    """

    def __init__(
        self, name: str, number: Callable[[Any], Any], machine: Mapping[str, Callable[..., Any]], digits: float
    ) -> None:
        self.name, self.number, self.machine, self.digits = name, number, machine, digits
        self._read = {shown: elementwise(functools.partial(self._operation, shown)) for shown in (False, True)}

    def evaluate(
        self, f: Formula, symbols: Mapping[str, Any], memo: dict[Formula, Any] | None = None, shown: bool = False
    ) -> Any:
        """The number that `f` stands for, a list where it stands for one number per element, or Refused."""
        y = fold(f, symbols, self._read[shown], shown, memo)
        if y.__class__ is Refused and self.digits == math.inf:  # the other form may have an exact value
            other = fold(f, symbols, self._read[not shown], not shown)
            return y if other.__class__ is Refused else other
        return y

    def convert(self, x: Any) -> Any:
        """`x` as a number of this system, or Refused."""
        try:
            return self.number(x)
        except (ArithmeticError, ValueError):
            return Refused(f"{short(x)} is no number in {self.name}")

    def _operation(self, shown: bool, op: str, *args: Any) -> Any:
        if op == "number":
            return self.convert(args[0])
        among = args[0] if args[0].__class__ is list else args[:1] if op == "where" else args
        for p in among:
            if p.__class__ is Refused:
                return p
        if op == "pow" and shown:  # a ** b is shown as itself
            op = "power"
        machine = self.machine.get(op)
        if machine is None:
            if op not in TABLE or _elementary(op):
                return Refused(f"the operation {op} is not known in {self.name}")
            return self.evaluate(TABLE[op].value, dict(zip(TABLE[op].args, args, strict=True)), shown=shown)
        try:
            return machine(*args)
        except _NoFraction:
            return Refused(f"{op}({', '.join(map(str, args))}) is no fraction")
        except (ArithmeticError, ValueError):
            return Refused(f"{op}({', '.join(map(str, args))}) has no value in {self.name}")

    def __repr__(self) -> str:
        return f"<number system: {self.name}>"


def _elementary(op: str) -> bool:
    return TABLE[op].elementary


def total(xs: Sequence[Any]) -> Any:
    """The sum from left to right, starting with the first term."""
    s = xs[0]
    for x in xs[1:]:
        s = s + x
    return s


BASIC: dict[str, Callable[..., Any]] = {  # for numbers that know +, -, *, / and an order
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "absolute": abs,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "where": lambda c, p, q: p if c else q,
    "total": total,
    "largest": largest,
}


# ---- fractions ----------------------------------------------------------------------------------


class _NoFraction(ValueError):
    """The value is irrational, or has too many digits to be written out."""


def _known_at(place: int, value: int) -> Callable[[Fraction], Fraction]:
    """A transcendental function: rational arguments have rational values at one place alone."""

    def f(p: Fraction) -> Fraction:
        if p != place:
            raise _NoFraction
        return Fraction(value)

    return f


def _root(p: Fraction) -> Fraction:
    r = Fraction(math.isqrt(p.numerator), math.isqrt(p.denominator))
    if r * r != p:
        raise _NoFraction
    return r


def _fraction_power(p: Fraction, q: Fraction) -> Fraction:
    if p == 1 or (p == 0 and q > 0):
        return p
    if q.denominator != 1 or abs(q) > 10_000:
        raise _NoFraction
    return Fraction(p ** int(q))


_PLACES = {
    "exp": (0, 1),
    "expm1": (0, 0),
    "log": (1, 0),
    "log1p": (0, 0),
    "sin": (0, 0),
    "cos": (0, 1),
    "tanh": (0, 0),
}
FRACTION = System(
    "fractions",
    Fraction,
    BASIC | {op: _known_at(*at) for op, at in _PLACES.items()} | {"sqrt": _root, "power": _fraction_power},
    math.inf,
)
FLOAT = System("floats", float, FLOATS, 16)


# ---- many digits --------------------------------------------------------------------------------


def per_thread(make: Callable[[int], System]) -> Callable[[int], System]:
    """Remember the systems that `make` gives, for each thread its own: a context of mpmath is not to be shared."""
    made = threading.local()

    @functools.wraps(make)
    def remembered(digits: int) -> System:
        known: dict[int, System] = made.__dict__.setdefault("systems", {})
        if digits not in known:
            known[digits] = make(digits)
        return known[digits]

    return remembered


def context(digits: int) -> Any:
    """A new context of mpmath: the precision that others have set is not touched."""
    try:
        import mpmath
    except ImportError:
        raise ImportError(
            f"arithmetic with {digits} digits needs mpmath, the extra digits: install it with `python -m pip install mpmath`"
        ) from None
    mp = mpmath.mp.clone()
    mp.dps = digits
    return mp


@per_thread
def many_digits(digits: int) -> System:
    """Real numbers of so many decimal digits, infinities and NaN where IEEE 754 has them; needs mpmath.

    >>> many_digits(30).evaluate(TABLE["tanh"].value, {"a": many_digits(30).number(0.5)})
    mpf('0.462117157260009758502318483643684')
    """
    mp = context(digits)

    def divide(p: Any, q: Any) -> Any:
        if q == 0:
            return mp.nan if p == 0 or mp.isnan(p) else mp.inf * mp.sign(p)
        return p / q

    def power(p: Any, q: Any) -> Any:
        if p == 0:
            return mp.mpf(1) if q == 0 else mp.mpf(0) if q > 0 else mp.inf
        if mp.isint(q):
            return p ** int(q)
        return mp.nan if p < 0 else p**q

    def within(f: Callable[[Any], Any], low: int, pole: Any) -> Callable[[Any], Any]:
        return lambda p: pole if p == low else mp.nan if p < low else f(p)

    functions = {op: getattr(mp, op) for op in ("exp", "expm1", "sin", "cos", "tanh")}
    edges = {
        "log": within(mp.log, 0, -mp.inf),
        "log1p": within(mp.log1p, -1, -mp.inf),
        "sqrt": within(mp.sqrt, 0, mp.mpf(0)),
    }
    return System(f"{digits} digits", mp.mpf, BASIC | functions | edges | {"div": divide, "power": power}, digits)
