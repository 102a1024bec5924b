"""Numbers that are given: whole ones, finite ones, those of 0 or more, flags; each as plain Python, or refused by its name."""

from __future__ import annotations

import math
import sys
from numbers import Real
from reprlib import repr as short
from typing import Any

from engine.whole import counted, integer, whole


__all__ = ["at_least_zero", "counted", "flag", "integer", "number", "plain", "whole"]


def plain(value: Any) -> Any:
    """A NumPy array or scalar as lists and Python numbers (NumPy need not be imported), anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def number(value: Any, where: str) -> float:
    """`value` as a float; TypeError for what is no real number, ValueError for NaN and infinity.

    >>> number("0.5", "noise")
    Traceback (most recent call last):
    TypeError: noise is '0.5' of type str; write a number
    """
    found = plain(value)
    if not isinstance(found, Real):
        raise TypeError(f"{where} is {short(found)} of type {type(found).__name__}; write a number")
    try:
        x = float(found)
    except OverflowError:
        x = math.inf
    if not math.isfinite(x):
        raise ValueError(f"{where} is {short(found)}; write a finite number")
    return x


def at_least_zero(name: str, x: Any) -> float:
    """`x` as a float; ValueError, with its name, unless it is a finite number >= 0."""
    found = plain(x)
    real = isinstance(found, Real) and not isinstance(found, bool)
    if not real or not 0.0 <= found <= sys.float_info.max:
        raise ValueError(f"{name} must be a number >= 0, not {short(found)}")
    return float(found)


def flag(name: str, x: Any) -> bool:
    """`x` as a bool; TypeError, with its name, for anything else: bias=0.5 is no number to start from.

    >>> flag("bias", 0)
    Traceback (most recent call last):
    TypeError: bias is True or False, not 0
    """
    found = plain(x)
    if not isinstance(found, bool):
        raise TypeError(f"{name} is True or False, not {short(found)}")
    return found
