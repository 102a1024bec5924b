"""What an experiment accepts: arguments of the kind of their defaults, checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from typing import Any, ParamSpec

from nn.lab.experiments.result import Result


Given = ParamSpec("Given")


def checked(**least: float) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Let an experiment refuse, with a ValueError that says what to write, what it cannot tell the truth about.

    A whole number is 1 or more (a seed 0 or more), another number above 0, a sequence holds different numbers: as those
    of the default, so that it may have some below 0 where the default has. `least` moves that: the smallest number, or
    the smallest length of a sequence.

    >>> @checked(rates=2)
    ... def halves(rates=(0.5, 0.25), epochs=10):
    ...     return rates
    >>> halves([1, 0.5])
    (1.0, 0.5)
    >>> halves(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs is 0; write a whole number >= 1
    >>> halves(rates=(0.1,))
    Traceback (most recent call last):
    ValueError: rates is (0.1,); write 2 or more different numbers > 0, as (0.5, 0.25)
    """

    def decorate(experiment: Callable[Given, Result]) -> Callable[Given, Result]:
        known = signature(experiment)
        defaults = {name: p.default for name, p in known.parameters.items()}

        @wraps(experiment)
        def run(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            given = known.bind(*args, **kwargs).arguments
            return experiment(**{name: _accepted(name, x, defaults[name], least.get(name)) for name, x in given.items()})  # type: ignore[call-arg]

        return run

    return decorate


def _accepted(name: str, x: Any, default: Any, least: float | None) -> Any:
    """`x` as plain numbers, or the ValueError."""
    if default is None:
        return _function(name, x)
    if not isinstance(default, tuple):
        return _number(f"{name} is", x, default, (0 if name == "seed" else 1) if least is None else least)
    few = 1 if least is None else int(least)
    kind = "different numbers" if least is None or few < 2 else f"{few} or more different numbers"
    if isinstance(default[0], tuple):
        kind = "pairs of numbers"
    bound = "" if _signed(default) else " >= 1" if _whole(default[0]) else " > 0"
    wanted = f"write {'whole ' * _whole(default[0])}{kind}{bound}, as {default!r}"
    if isinstance(x, str) or not isinstance(x, Iterable):
        raise ValueError(f"{name} is {x!r}; {wanted}")
    entries = tuple(x)
    try:
        found = tuple(_entry(entry, default) for entry in entries)
    except ValueError:
        raise ValueError(f"{name} is {entries!r}; {wanted}") from None
    if len(found) < few or len(set(found)) < len(found):
        raise ValueError(f"{name} is {entries!r}; {wanted}")
    return found


def _function(name: str, x: Any) -> Any:
    if x is not None and not callable(x):
        raise ValueError(f"{name} is {x!r}; write a function, or leave it out")
    return x


def _entry(x: Any, default: tuple[Any, ...]) -> Any:
    """One entry of a sequence; a pair has the smaller number first."""
    if not isinstance(default[0], tuple):
        return _number("", x, default[0], -math.inf if _signed(default) else 1)
    low, high = (_number("", part, 1.0, 1) for part in x) if isinstance(x, Iterable) and len(tuple(x)) == 2 else (1.0, 0.0)
    if not low < high:
        raise ValueError("the smaller number comes first")
    return low, high


def _number(what: str, x: Any, default: float, least: float) -> float:
    """A finite number: a whole one from `least` on, another one above 0, or from 0 on where `least` is 0."""
    if _whole(default):
        if isinstance(x, Integral) and not isinstance(x, bool) and int(x) >= least:
            return int(x)
        raise ValueError(f"{what} {x!r}; write a whole number >= {least:g}")
    try:
        number = float(x) if isinstance(x, Real) and not isinstance(x, bool) else math.nan
    except OverflowError:
        number = math.inf
    if math.isfinite(number) and (number > 0 or least < 0 or least == number == 0):
        return number
    raise ValueError(f"{what} {x!r}; write a finite number {'>=' if least == 0 else '>'} 0")


def _whole(default: Any) -> bool:
    return isinstance(default, int)


def _signed(default: tuple[Any, ...]) -> bool:
    """Whether the default has numbers that are not above 0."""
    return not isinstance(default[0], tuple) and min(default) <= 0
