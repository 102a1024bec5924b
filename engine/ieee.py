"""The machine's operations on floats, as IEEE 754 has them: they never raise.

Python's own arithmetic raises at 1/0, log(0) or exp(1000). Partial derivatives and derivative graphs
need a number there: 1/0 is infinite, log(-1) is NaN. `evaluate` reads a formula in these numbers.

    >>> FLOATS["div"](-1.0, 0.0), FLOATS["log"](0.0), FLOATS["power"](-8.0, 1 / 3)
    (-inf, -inf, nan)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.formula import Formula, fold
from engine.ops import TABLE, Row


def divide(p: float, q: float) -> float:
    """P / q, where p / 0 is infinite and 0 / 0 is NaN."""
    if q:
        return p / q
    return math.copysign(math.inf, p) * math.copysign(1.0, q) if p and p == p else math.nan


def power(p: float, q: float) -> float:
    """C's pow: infinite at a pole or when too large, NaN for a negative p with a broken q."""
    try:
        return math.pow(p, q)
    except OverflowError:
        return -math.inf if p < 0 and q % 2 == 1 else math.inf
    except ValueError:
        odd = q % 2 == 1
        return math.nan if p else math.copysign(math.inf, p) if odd else math.inf


def quiet(f: Callable[[float], float], pole: float | None = None) -> Callable[[float], float]:
    """`f` with -inf at its pole, NaN outside its domain and +inf where it overflows."""

    def g(p: float) -> float:
        try:
            return f(p)
        except OverflowError:
            return math.inf
        except ValueError:
            return -math.inf if p == pole else math.nan

    return g


def total(xs: Sequence[float]) -> float:
    """The sum from left to right: -0.0 + x is x in every bit, so it starts with the first term."""
    s = -0.0
    for x in xs:
        s += x
    return s


def largest(xs: Sequence[float]) -> float:
    """The largest; NaN if one is NaN."""
    found = xs[0]
    for x in xs:
        if not x <= found:
            found = x if found == found else found
    return found


FLOATS: dict[str, Callable[..., Any]] = {
    "number": float,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": divide,
    "neg": operator.neg,
    "power": power,
    "exp": quiet(math.exp),
    "expm1": quiet(math.expm1),
    "log": quiet(math.log, pole=0.0),
    "log1p": quiet(math.log1p, pole=-1.0),
    "sqrt": quiet(math.sqrt),
    "sin": quiet(math.sin),
    "cos": quiet(math.cos),
    "tanh": math.tanh,
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


def elementwise(read: Callable[..., Any]) -> Callable[..., Any]:
    """A reader of numbers made a reader of vectors: lists element by element, sums and maxima of lists."""

    def go(op: str, *args: Any) -> Any:
        sizes = [len(p) for p in args if p.__class__ is list]
        if not sizes or op in ("total", "largest"):
            return read(op, *args)
        return [read(op, *(p[i] if p.__class__ is list else p for p in args)) for i in range(sizes[0])]

    return go


def _number(op: str, *args: Any) -> Any:
    machine = FLOATS.get(op)
    return machine(*args) if machine else evaluate(TABLE[op].value, dict(zip(TABLE[op].args, args, strict=True)))


def evaluate(f: Formula, symbols: Mapping[str, Any], memo: dict[Formula, Any] | None = None) -> Any:
    """The number that `f` stands for (a list, where it stands for one number per element)."""
    return fold(f, symbols, elementwise(_number), memo=memo)


def value_and_partials(row: Row, args: Mapping[str, Any]) -> tuple[float, list[Any]]:
    """The value of a row at `args` and its partial by each of them, none of which raises.

    >>> value_and_partials(TABLE["sqrt"], {"a": 0.0})
    (0.0, [inf])
    """
    memo: dict[Formula, Any] = {}
    y = evaluate(row.value, args, memo)
    symbols = {**args, "y": y}
    return float(y), [evaluate(f, symbols, memo) for f in row.partials]
