"""Whole numbers of every kind, numpy.int64 as well as int, and the refusal of what is none."""

from __future__ import annotations

from operator import index
from typing import Any

from engine.errors import short


def integer(x: Any) -> int | None:
    """`x` as an int; None for what is no whole number, and for a bool.

    >>> integer(3), integer(3.0), integer(True)
    (3, None, None)
    """
    try:
        return None if isinstance(x, bool) else index(x)
    except TypeError:
        return None


def whole(name: str, x: Any, least: int = 1, otherwise: str = "") -> int:
    """`x` as an int; ValueError, with its name, unless it is a whole number from `least` on; `otherwise` is what else would do.

    >>> whole("epochs", 2.5)
    Traceback (most recent call last):
    ValueError: epochs must be a whole number >= 1, not 2.5
    """
    n = integer(x)
    if n is None or n < least:
        raise ValueError(f"{name} must be a whole number >= {least}{otherwise}, not {short(x)}")
    return n
