"""primitive: an operation of your own, a row like every other.

>>> from engine import Value, sigmoid
>>> swish = primitive("swish", lambda a: a * sigmoid(a), lambda y, a: y + sigmoid(a) * (1 - y))
>>> x = Value(0.5, "x")
>>> y = swish(x)
>>> y.backward()
>>> round(y.data, 6), round(x.grad, 6), round(swish(2.0), 6)
(0.31123, 0.739961, 1.761594)
>>> print(swish.__doc__)
y = a*sigmoid(a)
dy/da = y + sigmoid(a)*(1 - y)
>>> forget("swish")
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from engine.errors import short
from engine.formula import LATEX, PRODUCT, TEXT, Formula, Notation, formula, infix, symbol
from engine.functions import function
from engine.ieee import FLOATS
from engine.ops import TABLE, Row
from engine.source import MACHINE, NAMES
from engine.trust.rules import check_row
from engine.value import number
from engine.whole import counted


RANGES = [(0.0, 1.0), (-1.0, 1.0), (-4.0, 4.0), (-20.0, 20.0), (1.0, 100.0)]  # where points are drawn
POINTS = 8  # in each of them
ENOUGH = 5  # of them the row must have a value at, and slopes to judge its partials by


def primitive(
    name: str,
    forward: Any,
    *partials: Any,
    args: Sequence[str] | None = None,
    notation: str | tuple[str, str] | None = None,
    domain: str = "",
    convention: str = "",
    points: Iterable[Sequence[Any]] | None = None,
    seed: int = 0,
) -> Any:
    """Add the row `name` to the table and return it as a function of numbers and Values.

    `forward` and the partials, one for each argument, are formulas (of `engine.formula.symbol`s), or
    functions that give one when they are called on symbols: `forward(*args)`, and for a partial
    `partial(y, *args)` or `partial(*args)`. In them write + - * / ** abs, comparisons, and any function
    of the engine: `exp(a)`, `where(a > 0, a, b)`. Arguments are called a, b, c, unless `args` gives them
    other letters; a star marks a vector, as in `args=("*w", "*x", "b")`, of which `engine.formula.total`
    is the sum.

    A `forward` that cannot read symbols, because it is Python through and through, is called on floats
    and differentiated by the formulas alone. It has no LaTeX of its own, no machine code, no value in
    fractions or many digits.

    `notation` is a template with a {} for each argument, or two: of text and of LaTeX. `domain` and
    `convention` are for messages and explanations. Every partial is compared with the slope of the
    value, at random points in several ranges where there is a value and at `points` (a sequence of
    arguments for each). If one disagrees, ValueError has the report and nothing enters the table.

    The same definition again, as when the cell of a notebook is run twice, gives the same row; another
    one needs another name. Pickled nodes name their row: define it before they are loaded.

    >>> primitive("cube", lambda a: a**3, lambda a: 3 * a)
    Traceback (most recent call last):
    ...
    ValueError: the row cube was not added: dy/da = 3*a disagrees at a=0.8444218515250481
      analytic 2.53326555458   numeric 2.13914479...   by a complex step in 60 digits
      analytic is 1.184242 times the numeric
    >>> import math
    >>> from engine import exp
    >>> erf = primitive("erf", math.erf, lambda a: 2 / math.sqrt(math.pi) * exp(-a * a))
    >>> round(erf(0.5), 6)
    0.5205
    >>> forget("erf")
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"the name of a row must be a Python name, not {name!r}")
    symbols = _symbols(name, len(partials) if args is None else args)
    value = _value(name, forward, symbols)
    opaque = value is None
    templates = notation if notation.__class__ is tuple else (notation, None)
    rule = (
        Formula(name, *symbols) if value is None else value,
        tuple(_partial(name, p, symbols) for p in partials),
        tuple(s.args[0] for s in symbols),
        tuple(_notation(name, n, len(symbols)) for n in templates),
        domain,
        convention,
    )
    identity = getattr(forward, "__code__", forward) if opaque else None
    if _OWN.get(name) == (rule, identity):
        return _function(name)
    _check_name(name, opaque)
    try:
        if opaque:
            FLOATS[name] = _quiet(forward, name)
            MACHINE[name] = NAMES[name] = _strict(forward, name)
        value, slopes, letters, (text, latex), *_ = rule
        row = Row(name, value, *slopes, args=letters, text=text, latex=latex, domain=domain, convention=convention)
        _check(row, points, Random(seed))
    except BaseException:
        _erase(name)
        raise
    _OWN[name] = rule, identity
    return _function(name)


_OWN: dict[str, tuple[Any, Any]] = {}  # the definitions of the rows that were added here


def _function(name: str) -> Any:
    f = function(name)
    f.__module__ = sys._getframe(2).f_globals.get("__name__", __name__)  # it pickles where it is given its name
    return f


def forget(*names: str) -> None:
    """Take rows of one's own out of the table again; nodes that they made can still be walked, not loaded.

    >>> forget("swish")
    Traceback (most recent call last):
    ...
    ValueError: there is no row 'swish' of one's own to forget
    """
    for name in names:
        if name not in _OWN:
            raise ValueError(f"there is no row {name!r} of one's own to forget")
        del _OWN[name]
        _erase(name)


def _erase(name: str) -> None:
    """Remove what a row has entered."""
    for names in (TABLE, TEXT, LATEX, FLOATS, MACHINE, NAMES):
        for key in [key for key in names if re.fullmatch(rf"{name}(_[fnv]+|_row)?", key)]:
            del names[key]


# ---- reading a definition -----------------------------------------------------------------------


def _check_name(name: str, opaque: bool) -> None:
    if name in TABLE:
        raise ValueError(f"there is a row {name!r} already; a new operation needs a new name")
    if name in NAMES or name in ("written", "symbol"):
        raise ValueError(f"{name!r} is the name of something else in formulas; a new operation needs a new name")
    if opaque and (hasattr(builtins, name) or re.fullmatch(r"..?|t\d+|refusal", name)):
        raise ValueError(f"the name {name!r} has another meaning in the functions that are written from a row")


def _symbols(name: str, args: int | Sequence[str]) -> list[Formula]:
    if isinstance(args, int):
        if not 0 < args <= 3:
            raise ValueError(f"primitive {name}: a partial for each argument, and args= if there are more than three")
        args = "abc"[:args]
    for s in args:
        if not re.fullmatch(r"\*?[A-Za-z]", s) or s[-1] in "ny":
            raise ValueError(f"primitive {name}: an argument is a letter, with a * for a vector; n, y or {s!r} is none")
    return [symbol(s[-1], vector=s.startswith("*")) for s in args]


def _value(name: str, forward: Any, symbols: Sequence[Formula]) -> Formula | None:
    """The formula of `forward`; None if it is a function that cannot read symbols."""
    if not callable(forward):
        return _formula(f"primitive {name}: forward", forward)
    _check_arity(f"primitive {name}: forward", forward, symbols)
    try:
        return _formula(f"primitive {name}: forward", _called(forward, symbols))
    except TypeError as why:
        if any(s.vector for s in symbols):
            raise TypeError(f"primitive {name}: forward over a vector must give a formula; {why}") from why
        return None


def _partial(name: str, partial: Any, symbols: Sequence[Formula]) -> Formula:
    where = f"primitive {name}: a partial"
    if not callable(partial):
        return _formula(where, partial)
    with_y = [symbol("y"), *symbols]
    try:
        inspect.signature(partial).bind(*with_y)
    except (TypeError, ValueError):
        _check_arity(where, partial, symbols)
        with_y = list(symbols)
    try:
        return _formula(where, _called(partial, with_y))
    except TypeError as why:
        raise TypeError(f"{where} must give a formula when it is called on symbols; {why}") from None


def _called(f: Callable[..., Any], symbols: Sequence[Formula]) -> Any:
    try:
        return f(*symbols)
    except AttributeError as why:  # a.tanh()
        raise AttributeError(f"{why}: in formulas write functions, as tanh(a) for a.tanh()") from None


def _check_arity(where: str, f: Callable[..., Any], symbols: Sequence[Formula]) -> None:
    try:
        signature = inspect.signature(f)
    except ValueError:  # some builtin functions have none
        return
    try:
        signature.bind(*symbols)
    except TypeError as why:
        letters = ", ".join(s.args[0] for s in symbols)
        raise ValueError(f"{where} cannot be called with the {counted(len(symbols), 'argument')} {letters}: {why}") from None


def _formula(where: str, x: Any) -> Formula:
    if isinstance(x, Formula):
        return x
    if isinstance(x, int | float):
        return formula(x)
    raise TypeError(f"{where} must give a formula, not {short(x)}")


def _notation(name: str, template: Any, count: int) -> Notation | None:
    """The notation of a template: an operator binds as a product does, anything else encloses its arguments."""
    if template is None or isinstance(template, Notation):
        return template
    try:
        filled = template.format(*["\0"] * count)
    except (AttributeError, IndexError, KeyError, ValueError):
        filled = ""
    if filled.count("\0") < count:
        raise ValueError(
            f"primitive {name}: the notation {template!r} needs a {{}} for each argument, of which it has {count} "
            "(and {{ }} for a brace that stays)"
        )
    return infix(template, PRODUCT) if filled[0] == "\0" or filled[-1] == "\0" else Notation(template)


# ---- a function of floats as an operation of the machine ----------------------------------------


def _strict(forward: Callable[..., Any], name: str) -> Callable[..., float]:
    """`forward` as recording needs it: it raises as it likes, and gives a float."""
    return lambda *args: number(forward(*args), name)


def _quiet(forward: Callable[..., Any], name: str) -> Callable[..., float]:
    """`forward` as IEEE 754 would have it: NaN where it has no value, infinite where it is too large."""

    def machine(*args: float) -> float:
        try:
            return number(forward(*args), name)
        except OverflowError:
            return math.inf
        except (ArithmeticError, ValueError):
            return math.nan

    return machine


# ---- the rule is checked ------------------------------------------------------------------------


def _check(row: Row, points: Iterable[Sequence[Any]] | None, random: Random) -> None:
    """Raise ValueError, with the report, unless every partial agrees with the slope wherever it can be judged."""
    judged = dict.fromkeys(row.args, 0)
    for args in [*_given(row, points or ()), *_drawn(row, random)]:
        for finding in check_row(row, args):
            if finding.verdict == "differs":
                place = ", ".join(f"{s}={x!r}" for s, x in args.items())
                rule, *report = finding.what.split("\n")
                raise ValueError("\n".join([f"the row {row.name} was not added: {rule} disagrees at {place}", *report]))
            judged[finding.symbol[0]] += finding.verdict != "unjudged"
    for s, count in judged.items():
        if count < ENOUGH:
            raise ValueError(
                f"the row {row.name} was not added: dy/d{s} could be judged at {count} random points only; "
                "give points= where the operation has a value"
            )


def _given(row: Row, points: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for point in points:
        values = list(point) if isinstance(point, list | tuple) else [point]
        if len(values) != len(row.args):
            raise ValueError(f"primitive {row.name}: a point has {counted(len(row.args), 'argument')}, not {short(point)}")
        yield {
            s: [number(p, row.name) for p in x] if vector else number(x, row.name)
            for s, x, vector in zip(row.args, values, row.vector, strict=True)
        }


def _drawn(row: Row, random: Random) -> Iterator[dict[str, Any]]:
    for low, high in RANGES:
        for k in range(POINTS):
            yield {
                s: [random.uniform(low, high) for _ in range(1 + k % 3)] if vector else random.uniform(low, high)
                for s, vector in zip(row.args, row.vector, strict=True)
            }
