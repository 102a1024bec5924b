"""The numbers that options take: a wrong one is refused, by the option's name, before any work."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError


def count(text: str) -> int:
    """A whole number of 1 or more.

    >>> count("8")
    8
    """
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"write a whole number >= 1, not {text}")
    return int(text)


def rate(text: str) -> float:
    """A finite number of 0 or more.

    >>> rate("nan")
    Traceback (most recent call last):
    ...
    argparse.ArgumentTypeError: write a number >= 0, not nan
    """
    try:
        x = float(text)
    except ValueError:
        x = math.nan
    if not 0.0 <= x < math.inf:
        raise ArgumentTypeError(f"write a number >= 0, not {text}")
    return x


def seed(text: str) -> int:
    """A whole number of 0 or more."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"write a whole number >= 0, not {text}")
    return int(text)
