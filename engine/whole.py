"""Whole numbers of every kind, numpy.int64 as well as int, the refusal of what is none, and numbers of things in words."""

from __future__ import annotations

import math
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


def counted(n: int, what: str, several: str = "") -> str:
    """A number of things; above a billion billions about how many.

    >>> counted(1, "path"), counted(1048576, "path"), counted(2**100_000, "path"), counted(0, "class", "classes")
    ('1 path', '1,048,576 paths', 'about 10^30103 paths', '0 classes')
    """
    number = f"{n:,}" if n < 10**18 else f"about 10^{round(math.log10(n))}"
    return f"{number} {what if n == 1 else several or what + 's'}"
